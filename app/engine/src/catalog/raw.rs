//! The catalogue file as it is written: every key optional, unknown keys refused with a hint, lines remembered.

use std::{ops::Range, path::PathBuf};

use serde::Deserialize;
use steadfast::Error;
use steadfast_contract::model::Tier;
use toml::Spanned;

use super::{Digest, Entry, Source, check, hint};

/// The models of all files so far, later files over earlier ones.
#[derive(Default)]
pub(super) struct Merged {
    models: Vec<(Place, RawModel)>,
}

/// Where a model was last written about.
#[derive(Clone)]
struct Place {
    file: String,
    line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    model: Vec<Spanned<RawModel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    id: String,
    tier: Option<Tier>,
    name: Option<String>,
    description: Option<String>,
    licence: Option<String>,
    size_bytes: Option<u64>,
    memory_bytes: Option<u64>,
    context: Option<u32>,
    quantisation: Option<String>,
    sha256: Option<String>,
    sources: Option<Vec<RawSource>>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum RawSource {
    Hub { repo: String, file: String, revision: Option<String> },
    Https { url: String },
    File { path: PathBuf },
    Wheel { package: String, version: String, member: String, wheel_sha256: String },
}

impl Merged {
    pub(super) fn add(&mut self, file: &str, text: &str) -> Result<(), Error> {
        let parsed: RawFile = toml::from_str(text).map_err(|error| explain(file, text, &error))?;
        let mut added_here = Vec::new();
        for model in parsed.model {
            let place = Place { file: file.to_owned(), line: line_of(text, &model.span()) };
            let model = model.into_inner();
            if added_here.contains(&model.id) {
                return Err(place.refuse(&format!("the model {:?} is there twice", model.id)));
            }
            added_here.push(model.id.clone());
            self.overlay(place, model);
        }
        Ok(())
    }

    pub(super) fn into_checked(self) -> Result<Vec<Entry>, Error> {
        self.models.into_iter().map(|(place, model)| model.into_entry().map_err(|why| place.refuse(&why))).collect()
    }

    fn overlay(&mut self, place: Place, model: RawModel) {
        match self.models.iter_mut().find(|(_, known)| known.id == model.id) {
            Some((last, known)) => {
                *last = place;
                known.take_from(model);
            }
            None => self.models.push((place, model)),
        }
    }
}

impl Place {
    fn refuse(&self, why: &str) -> Error {
        Error::validation(format!("The model catalogue is wrong: {why} ({} line {}).", self.file, self.line))
            .with_suggestion("Correct that line; the models that come with the house show every key.")
    }
}

impl RawModel {
    fn take_from(&mut self, newer: Self) {
        fn over<T>(old: &mut Option<T>, new: Option<T>) {
            if new.is_some() {
                *old = new;
            }
        }
        over(&mut self.tier, newer.tier);
        over(&mut self.name, newer.name);
        over(&mut self.description, newer.description);
        over(&mut self.licence, newer.licence);
        over(&mut self.size_bytes, newer.size_bytes);
        over(&mut self.memory_bytes, newer.memory_bytes);
        over(&mut self.context, newer.context);
        over(&mut self.quantisation, newer.quantisation);
        over(&mut self.sha256, newer.sha256);
        over(&mut self.sources, newer.sources);
    }

    fn into_entry(self) -> Result<Entry, String> {
        let id = self.id;
        check::id(&id)?;
        let missing = |key: &str| format!("the model {id:?} has no {key}");
        let sources: Vec<Source> =
            self.sources.ok_or_else(|| missing("sources"))?.into_iter().map(into_source).collect();
        if sources.is_empty() {
            return Err(missing("sources"));
        }
        sources.iter().try_for_each(check::source)?;
        let size_bytes = self.size_bytes.ok_or_else(|| missing("size_bytes"))?;
        Ok(Entry {
            tier: self.tier,
            name: self.name.unwrap_or_else(|| id.clone()),
            description: self.description.unwrap_or_default(),
            licence: self.licence.ok_or_else(|| missing("licence"))?,
            size_bytes: check::in_range("size_bytes", size_bytes, 1..=1 << 44)?,
            // The weights and half as much again, when nobody measured.
            memory_bytes: check::in_range(
                "memory_bytes",
                self.memory_bytes.unwrap_or(size_bytes + size_bytes / 2),
                1..=1 << 44,
            )?,
            context: check::in_range("context", self.context.unwrap_or(4096), 256..=1 << 24)?,
            quantisation: self.quantisation.unwrap_or_else(|| "unknown".to_owned()),
            digest: self
                .sha256
                .map_or(Ok(Digest::FirstUse), |digest| check::digest(&digest).map(|()| Digest::Pinned(digest)))?,
            sources,
            id,
        })
    }
}

fn into_source(raw: RawSource) -> Source {
    match raw {
        RawSource::Hub { repo, file, revision } => {
            Source::Hub { repo, file, revision: revision.unwrap_or_else(|| "main".to_owned()) }
        }
        RawSource::Https { url } => Source::Https { url },
        RawSource::File { path } => Source::File { path },
        RawSource::Wheel { package, version, member, wheel_sha256 } => {
            Source::Wheel { package, version, member, wheel_sha256 }
        }
    }
}

/// The parser's complaint with file and line, and what was probably meant by an unknown key.
fn explain(file: &str, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| line_of(text, &span));
    let place = Place { file: file.to_owned(), line };
    let refused = place.refuse(error.message().lines().next().unwrap_or("it cannot be read"));
    match did_you_mean(error.message()) {
        Some(known) => refused.with_suggestion(format!("Did you mean `{known}`?")),
        None => refused,
    }
}

/// serde says "unknown field `x`, expected one of `a`, `b`": the names stand between backticks.
fn did_you_mean(message: &str) -> Option<&str> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let typed = quoted.next()?;
    hint::nearest(typed, &quoted.collect::<Vec<_>>())
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
}
