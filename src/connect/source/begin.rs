//! Where reading a stream begins.

use super::Start;

/// Where reading a stream begins, once it is known what the served catalogue knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connect) enum Begin {
    /// With the oldest record.
    Earliest,
    /// With what comes next.
    Latest,
    /// With the first record of this time or later, in milliseconds since 1970.
    At(i64),
}

impl Begin {
    /// What a setting means where the catalogue may not know what happened since `since_ms`. If the catalogue does not
    /// say since when, all there is may be new to it.
    pub(in crate::connect) fn new(start: Start, since_ms: Option<i64>) -> Self {
        match (start, since_ms) {
            (Start::Watermark, Some(ms)) | (Start::At(ms), _) => Self::At(ms),
            (Start::Latest, _) => Self::Latest,
            (Start::Earliest, _) | (Start::Watermark, None) => Self::Earliest,
        }
    }

    /// The time from which on records are wanted, if it is known.
    pub(in crate::connect) fn ms(self) -> Option<i64> {
        match self {
            Self::At(ms) => Some(ms),
            Self::Earliest | Self::Latest => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_is_a_time_if_there_is_one_and_a_time_that_is_set_counts_whatever_it_is() {
        let begins = |since_ms| {
            [Start::Watermark, Start::Earliest, Start::Latest, Start::At(7)]
                .map(|start| Begin::new(start, since_ms))
        };
        assert_eq!(begins(Some(5)), [Begin::At(5), Begin::Earliest, Begin::Latest, Begin::At(7)]);
        assert_eq!(begins(None), [Begin::Earliest, Begin::Earliest, Begin::Latest, Begin::At(7)]);
        assert_eq!(begins(Some(5)).map(Begin::ms), [Some(5), None, None, Some(7)]);
    }
}
