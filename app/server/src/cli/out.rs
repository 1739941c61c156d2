//! Where commands print. The answer goes to standard output, everything else to standard error; a reader that
//! closes the pipe early (`| head`) ends the command quietly.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use serde_json::{Value, json};
use steadfast::{Detail, Error};

use crate::settings::Problems;

/// How to print: for people, or with `--json` for programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Out {
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Words,
    Json,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failed {
    Error(Error),
    Settings(Problems),
    /// It did all it could, and has told what is wrong itself.
    Told,
    /// Nobody reads any more.
    PipeClosed,
}

impl Out {
    pub(super) fn new(form: Form) -> Self {
        Self { form }
    }

    pub(super) fn is_for_programs(self) -> bool {
        self.form == Form::Json
    }

    pub(super) fn line(self, text: &str) -> Result<(), Failed> {
        self.text(&format!("{text}\n"))
    }

    /// Without a line's end, and at once.
    pub(super) fn text(self, text: &str) -> Result<(), Failed> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failed::PipeClosed,
            _ => Failed::Error(Error::internal("standard output cannot be written").with_source(error)),
        })
    }

    pub(super) fn json(self, value: &Value) -> Result<(), Failed> {
        self.line(&value.to_string())
    }

    /// Beside the answer, for people who watch.
    pub(super) fn note(self, text: &str) {
        if !self.is_for_programs() {
            to_standard_error(text);
        }
    }

    pub(super) fn failed(self, failed: &Failed) {
        match failed {
            Failed::Error(error) if self.is_for_programs() => {
                to_standard_error(&json!({ "error": error.report(Detail::Public) }).to_string());
            }
            Failed::Error(error) => to_standard_error(&format!("{}\n{}", error.message(), error.suggestion())),
            Failed::Settings(problems) if self.is_for_programs() => {
                to_standard_error(&json!({ "problems": problems.list() }).to_string());
            }
            Failed::Settings(problems) => to_standard_error(&problems.to_string()),
            Failed::Told | Failed::PipeClosed => {}
        }
    }

    pub(super) fn is_watched(self) -> bool {
        !self.is_for_programs() && io::stderr().is_terminal()
    }
}

impl Failed {
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Error(_) | Self::Told => ExitCode::FAILURE,
            Self::Settings(_) => ExitCode::from(78),
            Self::PipeClosed => ExitCode::SUCCESS,
        }
    }

    pub(super) fn starting(error: io::Error) -> Self {
        Self::Error(Error::internal("the runtime cannot start").with_source(error))
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Problems> for Failed {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

fn to_standard_error(text: &str) {
    // Nobody is left to be told that nobody can be told.
    writeln!(io::stderr().lock(), "{text}").ok();
}
