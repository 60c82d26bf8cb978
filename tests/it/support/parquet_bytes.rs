//! Parquet files byte by byte, for what no writer would write: Thrift's compact protocol, and the structs of the format
//! that are needed.

/// A struct under construction; fields in ascending order.
#[derive(Default)]
pub(crate) struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

/// A number of seven bits a byte.
pub(crate) fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn zigzag(number: i64) -> Vec<u8> {
    varint(((number << 1) ^ (number >> 63)) as u64)
}

impl Struct {
    fn field(mut self, number: u8, kind: u8, value: &[u8]) -> Self {
        self.bytes.push((number - self.last) << 4 | kind);
        self.bytes.extend(value);
        self.last = number;
        self
    }

    pub(crate) fn i32(self, number: u8, value: i32) -> Self {
        self.field(number, 5, &zigzag(value.into()))
    }

    pub(crate) fn i64(self, number: u8, value: i64) -> Self {
        self.field(number, 6, &zigzag(value))
    }

    pub(crate) fn text(self, number: u8, value: &str) -> Self {
        let bytes = [varint(value.len() as u64), value.as_bytes().to_vec()].concat();
        self.field(number, 8, &bytes)
    }

    pub(crate) fn inner(self, number: u8, value: Self) -> Self {
        let bytes = value.end();
        self.field(number, 12, &bytes)
    }

    /// A list of values of a kind: 5 for numbers, 8 for texts, 12 for structs.
    pub(crate) fn list(self, number: u8, kind: u8, values: &[Vec<u8>]) -> Self {
        let head = [vec![0xf0 | kind], varint(values.len() as u64)].concat();
        let bytes = [head, values.concat()].concat();
        self.field(number, 9, &bytes)
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

/// A field of a schema: a group of so many fields, or a leaf of this type. `repetition`: 0 required, 1 optional, 2
/// repeated.
pub(crate) fn group(name: &str, repetition: i32, children: i32) -> Vec<u8> {
    Struct::default().i32(3, repetition).text(4, name).i32(5, children).end()
}

pub(crate) fn leaf(name: &str, repetition: i32, kind: i32) -> Vec<u8> {
    let leaf = Struct::default().i32(1, kind).i32(3, repetition).text(4, name);
    // UTF8, of texts.
    if kind == TEXT { leaf.i32(6, 0).end() } else { leaf.end() }
}

/// A group that is a list.
pub(crate) fn list_of(name: &str) -> Vec<u8> {
    Struct::default().i32(3, 1).text(4, name).i32(5, 1).i32(6, 3).end()
}

pub(crate) const INT64: i32 = 2;
pub(crate) const FLOAT: i32 = 4;
pub(crate) const TEXT: i32 = 6;

pub(crate) const PLAIN: i32 = 0;
pub(crate) const RLE_DICTIONARY: i32 = 8;

/// A page of values: what it says of itself, and what is in it.
pub(crate) struct Page {
    pub(crate) is_dictionary: bool,
    pub(crate) values: i32,
    pub(crate) encoding: i32,
    /// What it claims to unpack to; its own length where `None`.
    pub(crate) unpacked: Option<i32>,
    pub(crate) content: Vec<u8>,
}

impl Page {
    pub(crate) fn data(values: i32, encoding: i32, content: Vec<u8>) -> Self {
        Self { is_dictionary: false, values, encoding, unpacked: None, content }
    }

    pub(crate) fn dictionary(values: i32, content: Vec<u8>) -> Self {
        Self { is_dictionary: true, values, encoding: PLAIN, unpacked: None, content }
    }

    fn bytes(&self) -> Vec<u8> {
        let length = self.content.len() as i32;
        let head = Struct::default().i32(1, if self.is_dictionary { 2 } else { 0 });
        let head = head.i32(2, self.unpacked.unwrap_or(length)).i32(3, length);
        let about = Struct::default().i32(1, self.values).i32(2, self.encoding);
        let head = match self.is_dictionary {
            true => head.inner(7, about),
            false => head.inner(5, about.i32(3, 3).i32(4, 3)),
        };
        [head.end(), self.content.clone()].concat()
    }
}

/// A column of the only row group.
pub(crate) struct Column {
    pub(crate) path: &'static [&'static str],
    pub(crate) kind: i32,
    /// 0 none, 1 Snappy, 6 Zstandard.
    pub(crate) codec: i32,
    pub(crate) pages: Vec<Page>,
}

/// A file of one row group of so many rows.
pub(crate) fn file(schema: &[Vec<u8>], rows: i64, columns: &[Column]) -> Vec<u8> {
    let mut bytes = b"PAR1".to_vec();
    let mut chunks = Vec::new();
    for column in columns {
        let start = bytes.len() as i64;
        let (mut first_data, mut unpacked) = (start, 0);
        for page in &column.pages {
            unpacked += i64::from(page.unpacked.unwrap_or(page.content.len() as i32)) + 30;
            let content = page.bytes();
            if page.is_dictionary {
                first_data = start + content.len() as i64;
            }
            bytes.extend(content);
        }
        let texts: Vec<Vec<u8>> = column
            .path
            .iter()
            .map(|part| [vec![part.len() as u8], part.as_bytes().to_vec()].concat())
            .collect();
        let values: i64 =
            column.pages.iter().filter(|page| !page.is_dictionary).map(|p| i64::from(p.values)).sum();
        let about =
            Struct::default().i32(1, column.kind).list(2, 5, &[zigzag(0), zigzag(3)]).list(3, 8, &texts);
        let about =
            about.i32(4, column.codec).i64(5, values).i64(6, unpacked).i64(7, bytes.len() as i64 - start);
        let about = about.i64(9, first_data);
        let about = if first_data > start { about.i64(11, start) } else { about };
        chunks.push(Struct::default().i64(2, start).inner(3, about).end());
    }
    let size = bytes.len() as i64;
    let groups = match columns {
        [] => Vec::new(),
        _ => vec![Struct::default().list(1, 12, &chunks).i64(2, size).i64(3, rows).end()],
    };
    let footer = Struct::default().i32(1, 1).list(2, 12, schema).i64(3, rows).list(4, 12, &groups).end();
    let length = (footer.len() as u32).to_le_bytes();
    [bytes, footer, length.to_vec(), b"PAR1".to_vec()].concat()
}

/// A text as plain pages and dictionaries have it.
pub(crate) fn plain_text(text: &str) -> Vec<u8> {
    [(text.len() as u32).to_le_bytes().to_vec(), text.as_bytes().to_vec()].concat()
}

/// A run of one value in the hybrid of runs and packed bits.
pub(crate) fn run(length: u64, value: u8) -> Vec<u8> {
    [varint(length << 1), vec![value]].concat()
}

/// Levels with their length in front.
pub(crate) fn levels(runs: &[Vec<u8>]) -> Vec<u8> {
    let runs = runs.concat();
    [(runs.len() as u32).to_le_bytes().to_vec(), runs].concat()
}
