//! Which instructions of the processor may be used.
//!
//! Larder picks the greatest level that the processor has, when it is first needed. Results are equal at every level,
//! bit for bit; to lower it is for comparisons and for processors whose wide instructions are slow.

use std::sync::atomic::{AtomicU8, Ordering};

/// A set of instructions that this processor has. Ordered: a greater level has more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    Scalar,
    Avx2,
    Avx512,
}

/// What [`level`] gives: a level of this processor, or [`UNASKED`] as long as nobody has asked it.
// One for the process: the processor is one, and a look-up in every dot product must cost no more than a load.
static CURRENT: AtomicU8 = AtomicU8::new(UNASKED);

const UNASKED: u8 = u8::MAX;

impl Level {
    /// What every processor has.
    pub const SCALAR: Self = Self(Kind::Scalar);

    /// The names of all levels, least first.
    pub const NAMES: [&str; 3] = ["scalar", "avx2", "avx512"];

    /// The level called `scalar`, `avx2` (with BMI2 and POPCNT) or `avx512` (F, BW, DQ, VL, VBMI, VNNI: Ice Lake, Zen 4
    /// and later); `None` if there is no such level or this processor has not got it.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|level| level.name() == name)
    }

    /// Every level of this processor, least first.
    pub fn all() -> impl Iterator<Item = Self> {
        let most = detect();
        [Kind::Scalar, Kind::Avx2, Kind::Avx512].into_iter().filter(move |kind| *kind <= most).map(Level)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self.0 as usize]
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }
}

/// The level to use: the processor's greatest, unless [`limit_to`] lowered it.
#[inline]
pub fn level() -> Level {
    match CURRENT.load(Ordering::Relaxed) {
        0 => Level(Kind::Scalar),
        1 => Level(Kind::Avx2),
        2 => Level(Kind::Avx512),
        _ => ask(),
    }
}

#[cold]
fn ask() -> Level {
    let most = Level(detect());
    // Unless somebody has set it in the meantime.
    let _ = CURRENT.compare_exchange(UNASKED, most.0 as u8, Ordering::Relaxed, Ordering::Relaxed);
    level()
}

/// Sets the level for the whole process, as if the processor had no more. Results stay equal.
pub fn limit_to(level: Level) {
    CURRENT.store(level.0 as u8, Ordering::Relaxed);
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn detect() -> Kind {
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vnni");
    match (avx2, avx512) {
        (true, true) => Kind::Avx512,
        (true, false) => Kind::Avx2,
        _ => Kind::Scalar,
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn detect() -> Kind {
    Kind::Scalar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_known_by_its_name_where_the_processor_has_it() {
        assert_eq!(Level::named("scalar"), Some(Level::SCALAR));
        assert_eq!(Level::named("avx1024"), None);
        let all: Vec<Level> = Level::all().collect();
        assert!(all.is_sorted() && all.contains(&level()));
        assert!(all.iter().all(|level| Level::named(level.name()) == Some(*level)));
    }
}
