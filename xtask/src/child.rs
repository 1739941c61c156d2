//! Running other programs: the command line is printed, the output goes straight to the terminal, and a
//! failure names the program. Nothing is captured unless `read` is asked for, so that no closing line of a
//! test runner gets lost.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

#[derive(Debug)]
pub(crate) struct Child(Command);

impl Child {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self(Command::new(program))
    }

    /// The cargo that started us, so that a `+toolchain` carries through.
    pub(crate) fn cargo(arguments: &str) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).words(arguments)
    }

    /// Adds arguments that are separated by spaces.
    pub(crate) fn words(self, words: &str) -> Self {
        self.args(words.split_whitespace())
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn envs(mut self, pairs: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>) -> Self {
        self.0.envs(pairs);
        self
    }

    pub(crate) fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Runs it with our terminal as its own, and fails when it fails.
    pub(crate) fn go(mut self) -> anyhow::Result<()> {
        let line = self.line();
        println!("$ {line}");
        let status = self.0.status().with_context(|| format!("`{line}` could not be started"))?;
        if !status.success() {
            bail!("`{line}` failed ({status})");
        }
        Ok(())
    }

    /// Runs it without a word and hands back what it printed; `None` when it is missing or fails.
    pub(crate) fn read(mut self) -> Option<String> {
        let output = self.0.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Becomes that program, so that its signals and its exit code are the caller's own.
    pub(crate) fn become_it(mut self) -> anyhow::Result<()> {
        println!("$ {}", self.line());
        self.replace_this_process()
    }

    #[cfg(unix)]
    fn replace_this_process(&mut self) -> anyhow::Result<()> {
        let error = std::os::unix::process::CommandExt::exec(&mut self.0);
        Err(error).with_context(|| format!("`{}` could not be started", self.line()))
    }

    #[cfg(not(unix))]
    fn replace_this_process(&mut self) -> anyhow::Result<()> {
        let status = self.0.status()?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.line());
        }
        Ok(())
    }

    fn line(&self) -> String {
        let mut line = short(self.0.get_program());
        for argument in self.0.get_args() {
            let _ = write!(line, " {}", argument.to_string_lossy());
        }
        line
    }
}

/// `/usr/bin/cargo` reads as `cargo`.
fn short(program: &OsStr) -> String {
    Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_fails_by_name() {
        let error = Child::new("false").go().unwrap_err().to_string();
        assert!(error.starts_with("`false` failed"), "{error}");
    }

    #[test]
    fn reading_a_missing_program_is_no_error() {
        assert_eq!(Child::new("no-such-program-anywhere").read(), None);
        assert_eq!(Child::new("echo").words("two  words").read().as_deref(), Some("two words"));
    }
}
