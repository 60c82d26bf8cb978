//! Every level against the scalar twin.

use super::*;

#[test]
fn dots_are_equal_at_every_level_for_every_stride_and_count() {
    let mut random = fastrand::Rng::with_seed(7);
    for stride in [0, 1, 7, 16, 31, 32, 48, 64, 65, 128, 192, 200] {
        for count in [0, 1, 5, 15, 16, 17, 40] {
            let extreme = random.bool();
            let byte = |random: &mut fastrand::Rng| if extreme { 255 } else { random.u8(..) };
            let rows: Vec<u8> = (0..stride * count).map(|_| byte(&mut random)).collect();
            let query: Vec<i8> = (0..stride).map(|_| if extreme { -128 } else { random.i8(..) }).collect();
            let positions: Vec<u32> = (0..23).map(|_| random.u32(0..count as u32 + 2)).collect();
            let mut expected = vec![7; count + 1];
            let mut expected_at = vec![7; positions.len()];
            byte_dots(Level::SCALAR, &rows, &query, &mut expected);
            byte_dots_at(Level::SCALAR, &rows, &positions, &query, &mut expected_at);
            assert_eq!(expected[count], 0, "no such row");
            for (position, dot) in positions.iter().zip(&expected_at) {
                assert_eq!(*dot, expected.get(*position as usize).copied().unwrap_or(0));
            }
            for level in Level::all() {
                let (mut dots, mut dots_at) = (vec![9; count + 1], vec![9; positions.len()]);
                byte_dots(level, &rows, &query, &mut dots);
                byte_dots_at(level, &rows, &positions, &query, &mut dots_at);
                assert_eq!((&dots, &dots_at), (&expected, &expected_at), "{level:?} {stride} {count}");
            }
        }
    }
}

#[test]
fn the_same_scores_pass_at_every_level() {
    let mut random = fastrand::Rng::with_seed(8);
    for count in [0, 1, 15, 16, 50, 333] {
        let dots: Vec<i32> = (0..count).map(|_| random.i32(-3_000_000..3_000_000)).collect();
        let scales: Vec<f32> = (0..count).map(|_| random.f32()).collect();
        let biases: Vec<f32> =
            (0..count).map(|_| if random.bool() { f32::NAN } else { -random.f32() }).collect();
        for biases in [None, Some(&biases[..])] {
            let admission = Admission { offset: 12_345, scale: 1e-3, slack: 0.25, threshold: 500.0 };
            let passed = |level| {
                let mut passed = Vec::new();
                let note = |row, score: f32| passed.push((row, score.to_bits()));
                pass_threshold(level, &dots, &scales, biases, &admission, note);
                passed
            };
            let expected = passed(Level::SCALAR);
            assert!(count < 50 || (!expected.is_empty() && expected.len() < count));
            Level::all().for_each(|level| assert_eq!(passed(level), expected));
        }
    }
}
