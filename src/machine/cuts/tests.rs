//! Ranks and members against their definitions, at every level.

use super::*;

fn adversarial(random: &mut fastrand::Rng, cuts: &[f32]) -> f32 {
    let cut = if cuts.is_empty() { 0.0 } else { cuts[random.usize(..cuts.len())] };
    match random.u8(..10) {
        0 => f32::NAN,
        1 => [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN][random.usize(..4)],
        2 => [0.0, -0.0, 1e-35, -1e-35, 1.1e-35, f32::MIN_POSITIVE / 2.0, -1e-45][random.usize(..7)],
        3 => cut,
        4 => cut.next_up(),
        5 => cut.next_down(),
        6 => f32::from_bits(random.u32(..)),
        _ => (random.f32() - 0.5) * 40.0,
    }
}

fn some_cuts(random: &mut fastrand::Rng) -> Vec<f32> {
    let most = [0, 1, 2, 15, 16, 31, 32, 63, 64, 100, 127, 128, 254, 255][random.usize(..14)];
    let mut cuts: Vec<f32> = (0..most).map(|_| (random.f32() - 0.5) * 30.0).collect();
    if random.bool() {
        cuts.extend([f32::NEG_INFINITY, f32::MAX, 0.0]);
    }
    cuts.retain(|cut| !cut.is_nan());
    cuts.sort_by(f32::total_cmp);
    cuts.dedup();
    cuts.truncate(Cuts::MOST);
    cuts
}

#[test]
fn at_every_level_a_rank_is_the_number_of_cuts_exceeded() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..300 {
        let cuts = some_cuts(&mut random);
        let rule = [Missing::Least, Missing::Greatest, Missing::AsZero][random.usize(..3)];
        let radius = [None, Some(1e-35f32)][random.usize(..2)];
        let table = Cuts::new(&cuts, rule, radius).unwrap();
        let values: Vec<f32> = (0..192).map(|_| adversarial(&mut random, &cuts)).collect();
        let missing = match rule {
            Missing::Least => 0,
            Missing::Greatest => cuts.len(),
            Missing::AsZero => cuts.iter().filter(|cut| 0.0 > **cut).count(),
        };
        assert_eq!(table.byte_of_missing(), missing as u8 ^ BIAS);
        for level in Level::all() {
            let mut out = vec![Lanes::all(77); 10];
            rank(level, &table, &values, &mut out, 4, 1);
            for (row, value) in values.iter().enumerate() {
                let gone = value.is_nan() || radius.is_some_and(|radius| value.abs() <= radius);
                let wanted = if gone { missing } else { cuts.iter().filter(|cut| value > cut).count() };
                let byte = out[1 + row / 64 * 4].0[row % 64];
                assert_eq!(byte, wanted as u8 ^ BIAS, "{value} at {level:?} among {cuts:?}");
            }
            assert!([0, 2, 3, 4, 6, 7, 8].iter().all(|at| out[*at] == Lanes::all(77)));
        }
    }
}

#[test]
fn at_every_level_a_member_is_a_code_whose_bit_is_set() {
    let mut random = fastrand::Rng::with_seed(8);
    for _ in 0..50 {
        let set: CodeSet = std::array::from_fn(|_| random.u8(..) & random.u8(..));
        let codes: Vec<Lanes> = (0..4).map(|_| Lanes(std::array::from_fn(|_| random.u8(..)))).collect();
        for level in Level::all() {
            let mut out = vec![Lanes::all(77); 8];
            members(level, &set, &codes, &mut out, 2, 1);
            for (codes, out) in codes.iter().zip(out.iter().skip(1).step_by(2)) {
                for (code, byte) in codes.0.iter().zip(out.0) {
                    let inside = set[usize::from(code / 8)] & 1 << (code % 8) != 0;
                    assert_eq!(byte, if inside { MEMBER } else { NOT_MEMBER }, "{code} at {level:?}");
                }
            }
            assert!(out.iter().step_by(2).all(|lanes| *lanes == Lanes::all(77)));
        }
    }
}

#[test]
fn cuts_that_make_no_sense_are_refused() {
    assert!(Cuts::new(&[1.0, 1.0], Missing::Least, None).is_none());
    assert!(Cuts::new(&[2.0, 1.0], Missing::Least, None).is_none());
    assert!(Cuts::new(&[f32::NAN], Missing::Least, None).is_none());
    let many: Vec<f32> = (0..256u16).map(f32::from).collect();
    assert!(Cuts::new(&many, Missing::Least, None).is_none());
    assert!(Cuts::new(&many[1..], Missing::Least, None).is_some());
}

#[test]
fn steps_of_nothing_or_beyond_the_places_panic() {
    let cuts = Cuts::new(&[1.0], Missing::Least, None).unwrap();
    let panics = |places: usize, stride: usize, at: usize| {
        let run = |call: &dyn Fn(&mut [Lanes])| {
            let call = || call(&mut vec![Lanes::all(0); places]);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err()
        };
        let level = crate::machine::level();
        let ranks = run(&|out| rank(level, &cuts, &[0.0; 3 * Lanes::ROWS], out, stride, at));
        let sets = run(&|out| members(level, &[0; 32], &[Lanes::all(0); 3], out, stride, at));
        assert_eq!(ranks, sets);
        ranks
    };
    assert!(!panics(6, 2, 1));
    assert!(panics(5, 2, 1));
    assert!(panics(6, 0, 1), "every block would go to one place");
    assert!(panics(6, usize::MAX / 2 + 1, 1), "the steps wrap around to 0");
    assert!(panics(6, 1, usize::MAX));
}
