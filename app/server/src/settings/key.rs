//! An upstream's key, from the one place that was named: the file itself, a variable, a file, a command.

use std::{
    io::Read as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use steadfast_providers::Secret;

use super::{Environment, raw::RawUpstream};

/// The key, `None` when the upstream needs none, or why it cannot be had.
pub(super) fn key(raw: &RawUpstream, environment: &Environment) -> Result<Option<Secret>, String> {
    match (&raw.key, &raw.key_env, &raw.key_file, &raw.key_command) {
        (None, None, None, None) => Ok(None),
        (Some(key), None, None, None) => Ok(Some(Secret::new(key.clone()))),
        (None, Some(name), None, None) => match environment.get(name) {
            Some(key) => Ok(Some(Secret::new(key))),
            None => Err(format!("key_env: The variable {name} is not set.")),
        },
        (None, None, Some(path), None) => from_file(path).map(Some),
        (None, None, None, Some(command)) => from_command(command).map(Some),
        _ => Err("Give the key in one way: `key`, `key_env`, `key_file` or `key_command`.".to_owned()),
    }
}

fn from_file(path: &PathBuf) -> Result<Secret, String> {
    match std::fs::read_to_string(path) {
        Ok(key) if key.trim().is_empty() => Err(format!("key_file: {} is empty.", path.display())),
        Ok(key) => Ok(Secret::new(key.trim())),
        Err(error) => Err(format!("key_file: {} cannot be read: {error}.", path.display())),
    }
}

/// The first line that the command writes. What it says beside that stays its own: it may hold secrets.
fn from_command(words: &[String]) -> Result<Secret, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("key_command: Name a program and its arguments: [\"pass\", \"show\", \"cloud\"].".to_owned());
    };
    let wrong = |why: String| format!("key_command: `{program}` {why}.");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| wrong(format!("cannot be started: {error}")))?;
    let Some(said) = first_words(&mut child) else {
        let _too_late_to_matter = child.kill();
        let _reaped = child.wait();
        return Err(wrong(format!("said nothing for {} seconds", PATIENCE.as_secs())));
    };
    let ended = child.wait().map_err(|error| wrong(format!("could not be waited for: {error}")))?;
    let key = said.lines().next().unwrap_or_default().trim();
    match (ended.success(), key) {
        (false, _) => Err(wrong(format!("failed with {ended}"))),
        (true, "") => Err(wrong("wrote no key".to_owned())),
        (true, key) => Ok(Secret::new(key)),
    }
}

/// What the child writes until its end; `None` when it takes too long. Its own thread reads, because a pipe has no
/// time-out; the thread ends with the pipe.
fn first_words(child: &mut Child) -> Option<String> {
    let mut pipe = child.stdout.take()?;
    let (send, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = pipe.by_ref().take(MOST_BYTES).read_to_string(&mut text);
        // Nobody may be waiting any more.
        let _gone = send.send(read.map(|_| text).unwrap_or_default());
    });
    said.recv_timeout(PATIENCE).ok()
}

/// A password manager that asks its owner something hangs for ever; a start must not.
const PATIENCE: Duration = Duration::from_secs(10);
/// No key is longer.
const MOST_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn with(command: &[&str]) -> Result<Option<Secret>, String> {
        let raw = format!("name = \"a\"\nurl = \"http://a\"\nkey_command = {command:?}");
        key(&toml::from_str(&raw).unwrap(), &Environment::default())
    }

    #[test]
    fn a_command_writes_the_key_on_its_first_line() {
        assert_eq!(with(&["printf", "sk-1\\nlogin: me\\n"]).unwrap(), Some(Secret::new("sk-1")));
    }

    #[test]
    fn a_command_that_fails_says_so_without_its_words() {
        let told = with(&["sh", "-c", "echo sk-secret; exit 3"]).unwrap_err();
        assert!(told.contains("`sh` failed with exit status: 3") && !told.contains("secret"), "{told}");
        assert!(with(&["/no/such/program"]).unwrap_err().contains("cannot be started"));
        assert!(with(&["true"]).unwrap_err().contains("wrote no key"));
        assert!(with(&[]).unwrap_err().contains("Name a program"));
    }
}
