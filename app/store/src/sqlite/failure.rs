//! What SQLite's errors mean to us: whose they are, what may be tried next, and whether the connection survives.

use std::borrow::Cow;

use steadfast::{Code, Error};

/// Why a piece of work on the database did not happen.
#[derive(Debug)]
pub(super) enum Fault {
    /// Our own rules said no; the database is fine.
    Refused(Error),
    Database(sqlx::Error),
}

impl Fault {
    /// After a fault of the connection nothing of the transaction can be trusted any more.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Database(error) => ends_connection(error),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(error) => error,
            Fault::Database(error) => explain(&error),
        }
    }
}

/// The error that a caller sees. SQLite's own words go to the details: they name tables, never content.
pub(super) fn explain(error: &sqlx::Error) -> Error {
    meaning(error).with_detail("database", error)
}

fn meaning(error: &sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(_) => from_code(primary_code(error)),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Error::corrupt("A stored entry cannot be read."),
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => away(),
        _ => Error::internal("The store was asked something it does not understand."),
    }
}

fn from_code(code: Option<i32>) -> Error {
    match code {
        Some(BUSY | LOCKED) => {
            Error::new(Code::STORAGE_UNAVAILABLE).with_message("The store is locked by another program.")
        }
        Some(NO_MEMORY) => Error::out_of_memory("the store"),
        Some(READ_ONLY | CANNOT_OPEN | IO_ERROR | INTERRUPTED) => away(),
        Some(CORRUPT | NOT_A_DATABASE) => Error::corrupt("The store's file is damaged."),
        Some(FULL) => Error::new(Code::DISK_FULL).with_message("The disk is full, so nothing more can be saved."),
        Some(TOO_BIG) => Error::validation("This is too long to be saved."),
        _ => Error::internal("The store refused a statement."),
    }
}

fn away() -> Error {
    Error::new(Code::STORAGE_UNAVAILABLE)
}

fn ends_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(_) => !matches!(primary_code(error), Some(GENERAL | CONSTRAINT | TOO_BIG | MISMATCH)),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => false,
        _ => true,
    }
}

/// The low byte of SQLite's extended result code.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: Option<Cow<'_, str>> = error.as_database_error()?.code();
    Some(code?.parse::<i32>().ok()? & 0xff)
}

// https://www.sqlite.org/rescode.html
const GENERAL: i32 = 1;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NO_MEMORY: i32 = 7;
const READ_ONLY: i32 = 8;
const INTERRUPTED: i32 = 9;
const IO_ERROR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const NOT_A_DATABASE: i32 = 26;
