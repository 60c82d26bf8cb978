//! A generated model of the size that shops use: 500 trees with 31 leaves over 50 inputs, fixed seed.

use std::fmt::Write;

const TREES: usize = 500;
const LEAVES: usize = 31;
/// How many inputs the model has.
pub(crate) const INPUTS: usize = 50;
const CUTS: usize = 254;

/// A model as LightGBM would write it, with these names for its inputs.
pub(crate) fn lightgbm(names: &[String]) -> String {
    let mut random = fastrand::Rng::with_seed(1);
    let cuts: Vec<Vec<f64>> = (0..INPUTS).map(|_| (0..CUTS).map(|_| normal(&mut random)).collect()).collect();
    let mut text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\n\
         objective=lambdarank\nfeature_names={}\n\n",
        INPUTS - 1,
        names.join(" "),
    );
    for tree in 0..TREES {
        let _ = writeln!(text, "Tree={tree}\nnum_leaves={LEAVES}\nnum_cat=0");
        let inputs: Vec<usize> = (1..LEAVES).map(|_| random.usize(..INPUTS)).collect();
        let thresholds = inputs.iter().map(|input| cuts[*input][random.usize(..CUTS)]).collect::<Vec<_>>();
        // As LightGBM grows trees: a leaf becomes a node; its left part keeps its number.
        let (mut left, mut right) = (vec![0i32; LEAVES - 1], vec![0i32; LEAVES - 1]);
        let mut above: Vec<Option<(usize, bool)>> = vec![None];
        for node in 0..LEAVES - 1 {
            let leaf = random.usize(..above.len());
            match above[leaf] {
                Some((parent, true)) => left[parent] = node as i32,
                Some((parent, false)) => right[parent] = node as i32,
                None => {}
            }
            (left[node], right[node]) = (!(leaf as i32), !(above.len() as i32));
            above[leaf] = Some((node, true));
            above.push(Some((node, false)));
        }
        let values: Vec<f64> = (0..LEAVES).map(|_| normal(&mut random) * 0.1).collect();
        let _ = writeln!(text, "split_feature={}\nthreshold={}", words(&inputs), words(&thresholds));
        let _ = writeln!(text, "decision_type={}", words(&vec![8 + 2 * (tree % 2); LEAVES - 1]));
        let _ = writeln!(text, "left_child={}\nright_child={}", words(&left), words(&right));
        let _ = writeln!(text, "leaf_value={}\nshrinkage=1\n", words(&values));
    }
    text + "end of trees\n"
}

fn words<T: std::fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

/// The sum of twelve uniform numbers is nearly normal.
pub(crate) fn normal(random: &mut fastrand::Rng) -> f64 {
    (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
}
