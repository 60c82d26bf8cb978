//! A table that is in memory reads like the file it came from, and one that is cut off is refused.

use larder::artifact::table::{Table, TableLimits};

use super::*;

/// Every cell, by column.
fn cells(table: &Table) -> Vec<Vec<String>> {
    let column = |name: &String| {
        let mut cells = Vec::new();
        table
            .each(name, &mut |_, cell| {
                cells.push(format!("{cell:?}"));
                Ok(())
            })
            .unwrap();
        cells
    };
    table.columns().iter().map(|(name, _)| column(name)).collect()
}

#[test]
fn a_table_in_memory_reads_like_its_file() {
    let dir = grocer::snapshot(1);
    let limits = TableLimits::default();
    for name in ["catalog", "similar", "sessions", "item_vectors", "buy_again"] {
        let path = dir.path().join(format!("{name}.parquet"));
        let bytes = fs::read(&path).unwrap();
        let (file, memory) = (
            Table::open_parquet(&path, &limits).unwrap(),
            Table::from_parquet(bytes.into(), name, &limits).unwrap(),
        );
        assert_eq!((file.rows(), file.columns()), (memory.rows(), memory.columns()));
        assert_eq!(cells(&file), cells(&memory), "{name}");
        for (column, _) in file.columns() {
            assert_eq!(file.outline(column).unwrap(), memory.outline(column).unwrap(), "{name}, {column}");
        }
    }
}

#[test]
fn a_table_that_is_cut_off_anywhere_is_refused() {
    let dir = grocer::snapshot(1);
    let bytes = fs::read(dir.path().join("similar.parquet")).unwrap();
    for end in 0..bytes.len() {
        let cut = Table::from_parquet(bytes[..end].to_vec().into(), "cut", &TableLimits::default());
        assert!(cut.is_err_and(|error| error.to_string().starts_with("cut: cannot be read")), "{end} bytes");
    }
}
