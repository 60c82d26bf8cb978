//! From Arrow's arrays to cells.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::Cell;
use super::error::{BadCell, CellError, Stop};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Visits the cells of a batch. What large tables are made of is told apart once a batch, the rest once a cell.
pub(super) fn with_cells(
    array: &ArrayRef,
    visit: &mut dyn FnMut(usize, Cell<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            (0..texts.len()).try_for_each(|at| {
                let cell = if texts.is_null(at) { Cell::Null } else { Cell::Text(texts.value(at)) };
                visit(at, cell)
            })
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) if array.null_count() == 0 => {
            let mut times = array.as_primitive::<TimestampMillisecondType>().values().iter().enumerate();
            times.try_for_each(|(at, time)| visit(at, Cell::Time(*time)))
        }
        DataType::List(item) if *item.data_type() == DataType::Float32 => {
            let lists = array.as_list::<i32>();
            let (values, ends) = (lists.values(), lists.value_offsets());
            let floats = values.as_primitive::<Float32Type>().values();
            (0..lists.len()).try_for_each(|at| {
                let part = ends[at] as usize..ends[at + 1] as usize;
                // A batch without missing numbers is handed out in place; with one, each list is copied.
                match (lists.is_null(at), values.null_count()) {
                    (true, _) => visit(at, Cell::Null),
                    (false, 0) => visit(at, Cell::Floats(floats.get(part).unwrap_or_default())),
                    (false, _) => with_cell(array, at, visit),
                }
            })
        }
        DataType::List(item) if *item.data_type() == DataType::Utf8 => {
            let lists = array.as_list::<i32>();
            let (values, ends) = (lists.values().as_string::<i32>(), lists.value_offsets());
            (0..lists.len()).try_for_each(|at| {
                if lists.is_null(at) {
                    return visit(at, Cell::Null);
                }
                let part = ends[at] as usize..ends[at + 1] as usize;
                // Missing elements are left out: a list with a gap has one element less, which the scores' length
                // tells.
                let present = part.filter(|place| !values.is_null(*place));
                visit(at, Cell::Texts(present.map(|place| values.value(place)).collect()))
            })
        }
        _ => (0..array.len()).try_for_each(|at| with_cell(array, at, visit)),
    }
}

fn with_cell(
    array: &ArrayRef,
    at: usize,
    visit: &mut dyn FnMut(usize, Cell<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut passed = Ok(());
    let outcome = one_cell(array, at, &mut |cell| {
        passed = visit(at, cell);
        Ok(())
    });
    match outcome {
        Ok(()) => passed,
        Err(reason) => Err(Stop::Refused { row: at, reason }),
    }
}

type Outcome = Result<(), CellError>;

fn one_cell(array: &ArrayRef, at: usize, visit: &mut dyn FnMut(Cell<'_>) -> Outcome) -> Outcome {
    if array.is_null(at) {
        return visit(Cell::Null);
    }
    macro_rules! number {
        ($kind:ty) => {
            array.as_primitive::<$kind>().value(at)
        };
    }
    match array.data_type() {
        DataType::Boolean => visit(Cell::Bool(array.as_boolean().value(at))),
        DataType::Int8 => visit(Cell::Int(number!(Int8Type).into())),
        DataType::Int16 => visit(Cell::Int(number!(Int16Type).into())),
        DataType::Int32 => visit(Cell::Int(number!(Int32Type).into())),
        DataType::Int64 => visit(Cell::Int(number!(Int64Type))),
        DataType::UInt8 => visit(Cell::Int(number!(UInt8Type).into())),
        DataType::UInt16 => visit(Cell::Int(number!(UInt16Type).into())),
        DataType::UInt32 => visit(Cell::Int(number!(UInt32Type).into())),
        DataType::UInt64 => match i64::try_from(number!(UInt64Type)) {
            Ok(value) => visit(Cell::Int(value)),
            Err(_) => Err(BadCell::AboveInt64.into()),
        },
        DataType::Float32 => visit(Cell::Float(number!(Float32Type).into())),
        DataType::Float64 => visit(Cell::Float(number!(Float64Type))),
        DataType::Decimal128(_, scale) => {
            visit(Cell::Float(number!(Decimal128Type) as f64 / 10f64.powi(i32::from(*scale))))
        }
        DataType::Utf8 => visit(Cell::Text(array.as_string::<i32>().value(at))),
        DataType::Date32 => visit(Cell::Time(i64::from(number!(Date32Type)) * DAY_MS)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => visit(Cell::Time(number!(TimestampMillisecondType))),
        // Rounded down before 1970 too, so that the order of times stays what it was.
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            visit(Cell::Time(number!(TimestampMicrosecondType).div_euclid(1_000)))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            visit(Cell::Time(number!(TimestampNanosecondType).div_euclid(1_000_000)))
        }
        DataType::List(_) => visit_list(&array.as_list::<i32>().value(at), visit),
        DataType::LargeList(_) => visit_list(&array.as_list::<i64>().value(at), visit),
        other => Err(BadCell::Type(other.clone()).into()),
    }
}

fn visit_list(list: &ArrayRef, visit: &mut dyn FnMut(Cell<'_>) -> Outcome) -> Outcome {
    match list.data_type() {
        DataType::Utf8 => visit(Cell::Texts(list.as_string::<i32>().iter().flatten().collect())),
        DataType::Float32 if list.null_count() == 0 => {
            visit(Cell::Floats(list.as_primitive::<Float32Type>().values()))
        }
        DataType::Float32 => {
            let values = list.as_primitive::<Float32Type>().iter();
            visit(Cell::Floats(&values.map(|v| v.unwrap_or(f32::NAN)).collect::<Vec<_>>()))
        }
        DataType::Float64 => {
            let values = list.as_primitive::<Float64Type>().iter();
            visit(Cell::Floats(&values.map(|v| v.map_or(f32::NAN, |v| v as f32)).collect::<Vec<_>>()))
        }
        other => Err(BadCell::ListType(other.clone()).into()),
    }
}
