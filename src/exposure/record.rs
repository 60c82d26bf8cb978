//! Records on their way out: exposures as JSON, each with its time, packed one after the other.

/// One exposure as it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// When the slate was answered, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// One JSON object, without a line break.
    pub bytes: &'a [u8],
}

impl Record<'_> {
    /// The hour it belongs to, counted from 1970-01-01 UTC.
    pub fn hour(&self) -> i64 {
        hour_of(self.time_ms)
    }
}

/// The hour that a time in milliseconds is in, counted from 1970-01-01 UTC.
pub(super) fn hour_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(3_600_000)
}

/// The beginning of an hour, as a calendar has it.
pub(super) fn calendar(hour: i64) -> chrono::DateTime<chrono::Utc> {
    // Only a clock that is off by millennia has no date; 1970 then, rather than no file.
    chrono::DateTime::from_timestamp(hour.saturating_mul(3600), 0).unwrap_or_default()
}

/// Some records in one piece of memory, which is kept when they are cleared.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// The time of each record and where its bytes end.
    ends: Vec<(i64, usize)>,
}

impl Batch {
    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds a record.
    pub fn push(&mut self, record: Record<'_>) {
        self.bytes.extend_from_slice(record.bytes);
        self.ends.push((record.time_ms, self.bytes.len()));
    }

    /// Adds the JSON of a value; one that cannot be written as JSON is left out.
    ///
    /// # Errors
    /// Those of the value's serializer.
    pub fn push_json(
        &mut self,
        time_ms: i64,
        value: &impl serde::Serialize,
    ) -> Result<(), serde_json::Error> {
        let start = self.bytes.len();
        if let Err(error) = serde_json::to_writer(&mut self.bytes, value) {
            self.bytes.truncate(start);
            return Err(error);
        }
        self.ends.push((time_ms, self.bytes.len()));
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of all records together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The records in the order in which they were added.
    pub fn records(&self) -> Vec<Record<'_>> {
        let mut start = 0;
        let record = |&(time_ms, end): &(i64, usize)| {
            let bytes = &self.bytes[start..end];
            start = end;
            Record { time_ms, bytes }
        };
        self.ends.iter().map(record).collect()
    }
}
