//! A Parquet footer, looked over before the reader of the format sees it: that one follows a schema by recursion, and
//! takes memory for every column of every row group.

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader as _, Length as _};
use thiserror::Error;

use super::positioned::Positioned;
use super::thrift::{Broken, Compact, Fields, I32, LIST, STRUCT};

/// The length of the footer and the format's mark, which end a file.
const TAIL: u64 = 8;
const MARK: &[u8] = b"PAR1";

/// Groups of fields may stand this deep in each other: a list of lists takes four levels. The reader takes some
/// kilobytes of stack for each.
const DEEPEST_SCHEMA: usize = 32;

/// Upper bound on the fields of a schema, groups and leaves together. Lookups of columns by name are quadratic in it.
const MOST_FIELDS: u64 = 20_000;

/// Bytes of a footer: 65,536 row groups of 20 columns take 160 MiB.
const LONGEST: u64 = 256 << 20;

/// Why a footer was refused unread.
#[derive(Debug, Error)]
pub(super) enum FooterFault {
    #[error("its footer {0}; write it again")]
    Broken(#[from] Broken),
    #[error("its footer says that it is {length} bytes long, over the limit of {LONGEST}")]
    Long { length: u64 },
    #[error(
        "its schema has fields more than {DEEPEST_SCHEMA} deep: a table holds plain columns and lists of plain values"
    )]
    Deep,
    #[error(
        "its schema has {fields} fields, over the limit of {MOST_FIELDS}; split it into several artifacts"
    )]
    ManyFields { fields: u64 },
    #[error("its schema ends before all of the fields that it announces")]
    Announced,
    #[error(
        "its footer lists {chunks} columns of row groups, which take {bytes} bytes of memory, over the limit of \
         {limit}; write it with larger row groups"
    )]
    ManyChunks { chunks: u64, bytes: u64, limit: u64 },
}

/// Looks over the footer of a file; one that is not even there is left to the reader, which says so. `memory` is how
/// many bytes the reader may take for it.
pub(super) fn look_over(file: &Positioned, memory: u64) -> Result<(), FooterFault> {
    let Some(footer) = footer(file)? else { return Ok(()) };
    let mut bytes = Compact::new(&footer);
    let (mut fields, mut chunks) = (Fields::default(), 0u64);
    while let Some(field) = bytes.field(&mut fields)? {
        match field {
            (2, LIST) => schema(&mut bytes)?,
            (4, LIST) => {
                let (_, groups) = bytes.list()?;
                for _ in 0..groups {
                    chunks += row_group(&mut bytes)?;
                }
            }
            (_, kind) => bytes.skip(kind)?,
        }
    }
    let bytes = chunks.saturating_mul(size_of::<ColumnChunkMetaData>() as u64);
    if bytes > memory {
        return Err(FooterFault::ManyChunks { chunks, bytes, limit: memory });
    }
    Ok(())
}

fn footer(file: &Positioned) -> Result<Option<Bytes>, FooterFault> {
    let Some(end) = file.len().checked_sub(TAIL) else { return Ok(None) };
    let Ok(tail) = file.get_bytes(end, TAIL as usize) else { return Ok(None) };
    let Some((length, MARK)) = tail.split_first_chunk::<4>() else { return Ok(None) };
    let length = u64::from(u32::from_le_bytes(*length));
    let Some(start) = end.checked_sub(length) else { return Ok(None) };
    if length > LONGEST {
        return Err(FooterFault::Long { length });
    }
    Ok(file.get_bytes(start, length as usize).ok())
}

/// Fields in the order of a walk through the tree: a group says how many of those that follow are in it.
fn schema(bytes: &mut Compact<'_>) -> Result<(), FooterFault> {
    let (kind, fields) = bytes.list()?;
    if kind != STRUCT || fields > MOST_FIELDS {
        return Err(FooterFault::ManyFields { fields });
    }
    // The fields that each open group still misses.
    let mut open: Vec<i64> = Vec::new();
    for _ in 0..fields {
        if let Some(missing) = open.last_mut() {
            *missing -= 1;
        }
        let within = children(bytes)?;
        if within > fields as i64 {
            return Err(FooterFault::Announced);
        }
        if within > 0 {
            open.push(within);
            if open.len() > DEEPEST_SCHEMA {
                return Err(FooterFault::Deep);
            }
        }
        while open.last().is_some_and(|missing| *missing == 0) {
            open.pop();
        }
    }
    if open.is_empty() { Ok(()) } else { Err(FooterFault::Announced) }
}

/// How many fields a field has in it.
fn children(bytes: &mut Compact<'_>) -> Result<i64, Broken> {
    let (mut fields, mut children) = (Fields::default(), 0);
    while let Some(field) = bytes.field(&mut fields)? {
        match field {
            (5, I32) => children = bytes.int()?,
            (_, kind) => bytes.skip(kind)?,
        }
    }
    Ok(children)
}

/// How many columns a row group lists.
fn row_group(bytes: &mut Compact<'_>) -> Result<u64, Broken> {
    let (mut fields, mut columns) = (Fields::default(), 0);
    while let Some(field) = bytes.field(&mut fields)? {
        match field {
            (1, LIST) => {
                let (kind, count) = bytes.list()?;
                for _ in 0..count {
                    bytes.skip(kind)?;
                }
                columns += count;
            }
            (_, kind) => bytes.skip(kind)?,
        }
    }
    Ok(columns)
}
