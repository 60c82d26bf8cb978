//! Repetition levels, counted before they are decoded: how many values the rows of one batch have in a list column. A
//! run of a billion values takes a few bytes of a page.

use super::varint::varint;

/// Counts the values of batches while pages go by.
#[derive(Debug)]
pub(super) struct BatchCount {
    /// Rows of a batch.
    rows: u64,
    /// Rows that have begun so far.
    begun: u64,
    /// Values of the batch under way.
    values: u64,
    /// The most values of any batch so far.
    peak: u64,
}

impl BatchCount {
    /// For batches of so many rows.
    pub(super) fn new(rows: u64) -> Self {
        Self { rows: rows.max(1), begun: 0, values: 0, peak: 0 }
    }

    /// The batches that have begun.
    pub(super) fn batches(&self) -> u64 {
        self.begun.div_ceil(self.rows)
    }

    /// A page of a column without lists, or one whose levels are unknown.
    pub(super) fn values(&mut self, values: u64) -> u64 {
        self.peak = 0;
        self.begin(values);
        self.peak
    }

    /// A page of a list column whose levels cannot be read here: as if all of it were one row.
    pub(super) fn one_row(&mut self, values: u64) -> u64 {
        self.peak = 0;
        self.begin(1);
        self.go_on(values);
        self.peak
    }

    /// A page of a list column with these levels, in the hybrid of runs and packed bits, `width` bits each: the most
    /// values of a batch up to its end.
    pub(super) fn levels(&mut self, mut levels: &[u8], width: usize, values: u64) -> u64 {
        self.peak = 0;
        let mut left = values;
        while left > 0 {
            let Some(header) = varint(&mut levels) else { break };
            if header & 1 == 0 {
                let run = (header >> 1).min(left);
                let Some((level, rest)) = levels.split_at_checked(width.div_ceil(8)) else { break };
                levels = rest;
                if level.iter().all(|byte| *byte == 0) {
                    self.begin(run)
                } else {
                    self.go_on(run)
                }
                left -= run;
            } else {
                let packed = (header >> 1).saturating_mul(width as u64).min(levels.len() as u64) as usize;
                let (bits, rest) = levels.split_at(packed);
                levels = rest;
                let count = (header >> 1).saturating_mul(8).min(left).min((packed * 8 / width.max(1)) as u64);
                for at in 0..count as usize {
                    if level(bits, at, width) == 0 { self.begin(1) } else { self.go_on(1) }
                }
                left -= count;
            }
        }
        // Levels that are cut off: their reader will refuse them.
        self.go_on(left);
        self.peak
    }

    /// So many rows begin, each with one value.
    fn begin(&mut self, rows: u64) {
        let used = self.begun % self.rows;
        let fits = if used == 0 && self.begun > 0 { 0 } else { (self.rows - used).min(rows) };
        if fits > 0 {
            self.begun += fits;
            self.go_on(fits);
        }
        let rest = rows - fits;
        if rest == 0 {
            return;
        }
        self.begun += rest;
        // Of batches that begin and end here the fullest has one value a row.
        self.peak = self.peak.max(rest.min(self.rows));
        self.values = match rest % self.rows {
            0 => self.rows,
            part => part,
        };
    }

    /// The row under way has so many more values.
    fn go_on(&mut self, values: u64) {
        self.values = self.values.saturating_add(values);
        self.peak = self.peak.max(self.values);
    }
}

fn level(bits: &[u8], at: usize, width: usize) -> u32 {
    let bit = |bit: usize| bits.get(bit / 8).map_or(0, |byte| u32::from(*byte >> (bit % 8) & 1));
    (0..width).fold(0, |level, place| level | bit(at * width + place) << place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What [`BatchCount`] must say, value by value.
    fn slowly(levels: &[u32], rows: usize) -> u64 {
        let mut batches = vec![0u64];
        let mut begun = 0;
        for level in levels {
            if *level == 0 {
                if begun > 0 && begun % rows == 0 {
                    batches.push(0);
                }
                begun += 1;
            }
            *batches.last_mut().unwrap() += 1;
        }
        batches.into_iter().max().unwrap_or(0)
    }

    /// Runs where a level repeats eight times or more, packed bits else.
    fn encode(levels: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = levels;
        while let Some(first) = rest.first() {
            let run = rest.iter().take_while(|level| *level == first).count().min(60);
            if run >= 8 {
                bytes.extend([(run as u8) << 1, *first as u8]);
                rest = &rest[run..];
            } else {
                let (group, after) = rest.split_at(rest.len().min(8));
                let packed =
                    group.iter().enumerate().fold(0u8, |byte, (at, level)| byte | (*level as u8) << at);
                bytes.extend([0b11, packed]);
                rest = after;
            }
        }
        bytes
    }

    #[test]
    fn the_fullest_batch_is_found_whatever_the_encoding() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..300 {
            let length = random.usize(1..200);
            let chance = random.f64();
            // A page begins with a row.
            let mut levels = vec![0];
            while levels.len() < length {
                let run = if random.bool() { 1 } else { random.usize(1..40) };
                levels.extend(vec![u32::from(random.f64() < chance); run]);
            }
            let rows = random.usize(1..20);
            let mut count = BatchCount::new(rows as u64);
            let found = count.levels(&encode(&levels), 1, levels.len() as u64);
            assert_eq!(found, slowly(&levels, rows), "{levels:?} in batches of {rows}");
        }
    }

    #[test]
    fn runs_of_billions_are_counted_at_once() {
        let mut count = BatchCount::new(1000);
        let huge = 2_000_000_000u64;
        // A run of as many rows, then one of as many values of the last row.
        let mut levels = varint_of(huge << 1);
        levels.push(0);
        levels.extend(varint_of(huge << 1));
        levels.push(1);
        assert_eq!(count.levels(&levels, 1, 2 * huge), 1000 + huge);
        assert_eq!(count.values(10), 10);
        assert_eq!(count.batches(), huge / 1000 + 1);
    }

    fn varint_of(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let byte = (number & 0x7f) as u8;
            number >>= 7;
            if number == 0 {
                bytes.push(byte);
                return bytes;
            }
            bytes.push(byte | 0x80);
        }
    }
}
