//! Values of a row as they are, and no more of them than can be taken.

use agentstack_storage::import::Cell;
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Row, TypeInfo, Value as _, ValueRef};

/// A column as two: its value if it is not too long, and whether it is. How long a value is, is known without reading it.
macro_rules! cell {
    ($column:literal, $most:literal) => {
        concat!(
            "CASE WHEN octet_length(",
            $column,
            ") <= ",
            $most,
            " THEN ",
            $column,
            " END, ",
            "coalesce(octet_length(",
            $column,
            ") > ",
            $most,
            ", 0)"
        )
    };
}
/// A name, an id, a word, a number or a time: none that could be taken is longer.
macro_rules! name {
    ($column:literal) => {
        crate::reference_file::columns::cell!($column, "4096")
    };
}
/// JSON: the longest that could be taken has 64 KiB, without the spaces in it.
macro_rules! json {
    ($column:literal) => {
        crate::reference_file::columns::cell!($column, "262144")
    };
}
/// A content: the longest has a million characters.
macro_rules! text {
    ($column:literal) => {
        crate::reference_file::columns::cell!($column, "4000000")
    };
}
pub(super) use {cell, json, name, text};

/// Reads the columns of a row one after the other.
pub(super) struct Cells<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Cells<'r> {
    pub(super) fn from(row: &'r SqliteRow, next: usize) -> Self {
        Self { row, next }
    }

    /// A column that was asked for with [`cell`].
    pub(super) fn take(&mut self) -> Result<Cell, sqlx::Error> {
        let value = cell_of(&self.row.try_get_raw(self.next)?)?;
        let is_too_long: bool = self.row.try_get(self.next + 1)?;
        self.next += 2;
        Ok(if is_too_long { Cell::TooLong } else { value })
    }
}

pub(super) fn cell_of(value: &SqliteValueRef<'_>) -> Result<Cell, sqlx::Error> {
    let owned = value.to_owned();
    Ok(match value.type_info().name() {
        "NULL" => Cell::Null,
        "TEXT" => {
            // The bytes themselves: whether they are text is for us to see.
            let bytes: &[u8] = owned.try_decode_unchecked()?;
            std::str::from_utf8(bytes).map_or(Cell::Other, |text| Cell::Text(text.to_owned()))
        }
        "INTEGER" => Cell::Number(owned.try_decode_unchecked()?),
        "REAL" => whole(owned.try_decode_unchecked()?),
        "BLOB" => Cell::Other,
        _ => return Err(sqlx::Error::Decode("a value of no type that SQLite has".into())),
    })
}

/// A number that was kept as a double.
fn whole(number: f64) -> Cell {
    /// Below 2^53 each whole number is a double of its own.
    const MOST: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < MOST {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and less than 2^53")]
        return Cell::Number(number as i64);
    }
    Cell::Other
}
