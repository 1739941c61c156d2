//! The environment, taken once at the start. Nothing else in the house reads it.

use std::{collections::BTreeMap, fmt, path::PathBuf};

/// A copy of the variables, so that tests bring their own.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

/// The names alone: values may be keys.
impl fmt::Debug for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process; those that are not Unicode are left out.
    pub(crate) fn of_this_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(unicode).collect())
    }

    /// An empty variable counts as none, as shells habitually "unset" that way.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// `~/.local/share/steadfast`, or where XDG says.
    pub(super) fn data_dir(&self) -> Option<PathBuf> {
        self.home("XDG_DATA_HOME", ".local/share").map(|base| base.join("steadfast"))
    }

    /// `~/.config/steadfast/steadfast.toml`, or where XDG says.
    pub(super) fn config_file(&self) -> Option<PathBuf> {
        self.home("XDG_CONFIG_HOME", ".config").map(|base| base.join("steadfast/steadfast.toml"))
    }

    /// Where the Hugging Face tools keep what they downloaded.
    pub(super) fn hub_cache(&self) -> Option<PathBuf> {
        let home = self
            .path("HF_HOME")
            .or_else(|| self.home("XDG_CACHE_HOME", ".cache").map(|base| base.join("huggingface")))?;
        Some(home.join("hub"))
    }

    fn home(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        self.path(variable).or_else(|| self.path("HOME").map(|home| home.join(below_home)))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}
