//! Leaves and sums against a plain descent, at every level.

use super::*;
use crate::machine::cuts::BIAS;

/// A random tree, as a reader of the definition would descend it.
enum Plain {
    Leaf(usize),
    Node { column: u32, threshold: u8, left: Box<Plain>, right: Box<Plain> },
}

impl Plain {
    fn grow(random: &mut fastrand::Rng, columns: usize, leaves: Range<usize>) -> Self {
        if leaves.len() == 1 {
            return Self::Leaf(leaves.start);
        }
        let middle = random.usize(leaves.start + 1..leaves.end);
        let left = Box::new(Self::grow(random, columns, leaves.start..middle));
        let right = Box::new(Self::grow(random, columns, middle..leaves.end));
        Self::Node { column: random.u32(..columns as u32), threshold: random.u8(..), left, right }
    }

    fn leaf(&self, rank: &impl Fn(u32) -> u8) -> usize {
        match self {
            Self::Leaf(leaf) => *leaf,
            Self::Node { column, threshold, left, right } => {
                if rank(*column) > *threshold { right } else { left }.leaf(rank)
            }
        }
    }

    fn leftmost(&self) -> usize {
        match self {
            Self::Leaf(leaf) => *leaf,
            Self::Node { left, .. } => left.leftmost(),
        }
    }

    fn steps(&self, steps: &mut Vec<Step>) {
        if let Self::Node { column, threshold, left, right } = self {
            let (from, to) = (left.leftmost() as u8, right.leftmost() as u8);
            steps.push(Step { column: *column, threshold: (threshold ^ BIAS) as i8, from, to });
            left.steps(steps);
            right.steps(steps);
        }
    }

    fn forks(&self, forks: &mut Vec<Fork>) -> Branch {
        match self {
            Self::Leaf(leaf) => Branch::Leaf(*leaf as u32),
            Self::Node { column, threshold, left, right } => {
                let (at, stop) = (forks.len(), Branch::Leaf(0));
                let threshold = (threshold ^ BIAS) as i8;
                forks.push(Fork { column: *column, threshold, left: stop, right: stop });
                forks[at].left = left.forks(forks);
                forks[at].right = right.forks(forks);
                Branch::Fork(at as u32)
            }
        }
    }
}

fn values<V>(leaves: usize, number: impl Fn(f64) -> V, random: &mut fastrand::Rng) -> Vec<V> {
    (0..leaves).map(|_| number(random.f64() - 0.5)).collect()
}

fn check<V: Value + PartialEq>(seed: u64, number: impl Fn(f64) -> V) {
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..40 {
        let columns = random.usize(1..9);
        let mut trees = Trees::<V>::new(columns);
        let mut plain = Vec::new();
        for _ in 0..random.usize(..12) {
            let leaves = [1, 2, 3, 16, 17, 31, 32, 33, 64, 65, 255, 256, 300][random.usize(..13)];
            let tree = Plain::grow(&mut random, columns, 0..leaves);
            let values = values(leaves, &number, &mut random);
            if leaves > Trees::<V>::MOST_LEAVES || leaves > 1 && random.u8(..5) == 0 {
                let mut forks = Vec::new();
                tree.forks(&mut forks);
                trees.push_forks(&forks, &values).unwrap();
            } else {
                let mut steps = Vec::new();
                tree.steps(&mut steps);
                trees.push(&steps, &values).unwrap();
            }
            plain.push((tree, values));
        }
        let blocks = 1 + round % 17;
        let few = random.bool();
        let byte = |random: &mut fastrand::Rng| if few { random.u8(126..130) } else { random.u8(..) };
        let ranks: Vec<Lanes> =
            (0..blocks * columns).map(|_| Lanes(std::array::from_fn(|_| byte(&mut random)))).collect();
        let first = random.usize(..=plain.len());
        let start = number(0.25);
        let mut wanted = vec![start; blocks * Lanes::ROWS];
        for (row, sum) in wanted.iter_mut().enumerate() {
            for (at, (tree, values)) in plain.iter().enumerate() {
                let stored = |column: usize| ranks[row / 64 * columns + column].0[row % 64];
                let leaf = tree.leaf(&|column| stored(column as usize) ^ BIAS);
                assert_eq!(trees.leaf(at, stored), Some(leaf));
                if at >= first {
                    *sum += values[leaf];
                }
            }
        }
        for level in Level::all() {
            let mut sums = vec![start; blocks * Lanes::ROWS];
            add(level, &trees, first..plain.len(), &ranks, &mut sums);
            assert!(sums == wanted, "{level:?}, {blocks} blocks, {} trees", plain.len());
        }
    }
}

#[test]
fn at_every_level_rows_get_the_sum_of_the_leaves_they_walk_to() {
    check::<f64>(1, |x| x);
    check::<f32>(2, |x| x as f32);
}

#[test]
fn trees_with_numbers_out_of_range_are_refused() {
    let mut trees = Trees::<f32>::new(2);
    let step = Step { column: 1, threshold: 0, from: 0, to: 1 };
    assert!(trees.push(&[step], &[1.0, 2.0]).is_some());
    assert!(trees.push(&[Step { column: 2, ..step }], &[1.0, 2.0]).is_none());
    assert!(trees.push(&[Step { to: 2, ..step }], &[1.0, 2.0]).is_none());
    assert!(trees.push(&[Step { to: 0, ..step }], &[1.0, 2.0]).is_none());
    assert!(trees.push(&[], &[]).is_none());
    assert!(trees.push(&[], &[0.0; 257]).is_none());
    let fork = Fork { column: 1, threshold: 0, left: Branch::Leaf(0), right: Branch::Fork(1) };
    let last = Fork { right: Branch::Leaf(2), left: Branch::Leaf(1), ..fork };
    assert!(trees.push_forks(&[fork, last], &[0.0; 3]).is_some());
    assert!(trees.push_forks(&[fork, fork], &[0.0; 3]).is_none(), "leads back");
    assert!(trees.push_forks(&[fork], &[0.0; 3]).is_none(), "leads out");
    assert!(trees.push_forks(&[fork, last], &[0.0; 2]).is_none());
    assert!(trees.push_forks(&[Fork { column: 2, ..fork }, last], &[0.0; 3]).is_none());
    assert_eq!(trees.spans.len(), 2);
}

#[test]
#[should_panic(expected = "a rank for each row and column")]
fn so_many_columns_that_their_product_with_the_blocks_wraps_are_refused() {
    // 64 blocks of these are 0 lanes, if one only looks at the lowest bits.
    let mut trees = Trees::<f32>::new(usize::MAX / 64 + 1);
    trees.push(&[Step { column: 1, threshold: 0, from: 0, to: 1 }], &[1.0, 2.0]).unwrap();
    add(crate::machine::level(), &trees, 0..1, &[], &mut [0.0; 64 * Lanes::ROWS]);
}
