//! Ranks and sets, for every processor.

use super::{CodeSet, Cuts, Lanes, MEMBER, NOT_MEMBER};

pub(super) fn rank(cuts: &Cuts, blocks: &[[f32; Lanes::ROWS]], out: &mut [Lanes], stride: usize) {
    for (values, out) in blocks.iter().zip(out.iter_mut().step_by(stride)) {
        for (value, byte) in values.iter().zip(&mut out.0) {
            // Not "at most": NaN must count as missing.
            let counts = value.abs() > cuts.radius;
            *byte = cuts.byte(if counts { descend(&cuts.heap, *value) } else { cuts.missing });
        }
    }
}

pub(super) fn members(set: &CodeSet, codes: &[Lanes], out: &mut [Lanes], stride: usize) {
    for (codes, out) in codes.iter().zip(out.iter_mut().step_by(stride)) {
        for (code, byte) in codes.0.iter().zip(&mut out.0) {
            let member = set[usize::from(code >> 3)] >> (code & 7) & 1 == 1;
            *byte = if member { MEMBER } else { NOT_MEMBER };
        }
    }
}

fn descend(heap: &[f32], value: f32) -> u32 {
    let mut at = 1;
    while let Some(cut) = heap.get(at) {
        at = 2 * at + usize::from(value > *cut);
    }
    at as u32
}
