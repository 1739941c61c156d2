//! The models of an upstream: those of the settings, and those that it says it has.

use std::sync::{PoisonError, RwLock};

use serde::Deserialize;
use serde_json::value::RawValue;
use steadfast_contract::model::ModelInfo;

use crate::settings::{FoundModels, ModelSettings, UpstreamSettings};

#[derive(Debug)]
pub(crate) struct Models {
    upstream: String,
    configured: Vec<ModelInfo>,
    found: FoundModels,
    known: RwLock<Vec<ModelInfo>>,
}

/// What every list of these protocols looks like from outside.
#[derive(Deserialize)]
pub(super) struct List<'a> {
    #[serde(borrow)]
    pub(super) data: Option<Vec<&'a RawValue>>,
}

/// What came is no list of models.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoList;

#[derive(Deserialize)]
struct WireModel {
    id: String,
    /// Anthropic's and OpenRouter's words for people.
    #[serde(alias = "name")]
    display_name: Option<String>,
    /// OpenRouter, vLLM, Groq and Anthropic each have their own name for it.
    #[serde(alias = "max_model_len", alias = "context_window", alias = "max_input_tokens")]
    context_length: Option<u32>,
}

impl Models {
    pub(super) fn new(settings: &UpstreamSettings) -> Self {
        let configured: Vec<_> = settings.models.iter().map(|model| model.info(&settings.name)).collect();
        let known = RwLock::new(configured.clone());
        Self { upstream: settings.name.clone(), configured, found: settings.found, known }
    }

    pub(crate) fn all(&self) -> Vec<ModelInfo> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn find(&self, wanted: &dyn Fn(&ModelInfo) -> bool) -> Option<ModelInfo> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).iter().find(|model| wanted(model)).cloned()
    }

    pub(super) fn may_grow(&self) -> bool {
        self.found == FoundModels::Added
    }

    /// Those of the settings stay, first and as they are; what the upstream no longer has goes.
    pub(super) fn take_found(&self, body: &[u8]) -> Result<(), NoList> {
        let list = serde_json::from_slice::<List<'_>>(body).ok().and_then(|list| list.data).ok_or(NoList)?;
        let mut known = self.configured.clone();
        for raw in list.into_iter().take(MODELS) {
            // One odd entry does not cost the others.
            let Ok(model) = serde_json::from_str::<WireModel>(raw.get()) else { continue };
            match known.iter_mut().find(|info| info.id == model.id) {
                Some(info) => info.context_tokens = info.context_tokens.or(model.context_length),
                None if is_a_name(&model.id) => known.push(self.info(model)),
                None => {}
            }
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    fn info(&self, model: WireModel) -> ModelInfo {
        let name = model.display_name.filter(|name| is_a_name(name));
        let settings = ModelSettings { name, context: model.context_length, ..ModelSettings::named(model.id) };
        settings.info(&self.upstream)
    }
}

/// It is shown to people and sent in requests: no control characters, and an end.
fn is_a_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES && !name.chars().any(char::is_control)
}

/// OpenRouter lists some 500.
const MODELS: usize = 5_000;
const NAME_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn models(found: FoundModels) -> Models {
        let configured = ModelSettings { name: Some("Big".into()), ..ModelSettings::named("big") };
        let mut settings = UpstreamSettings::new("cloud-b", "http://b/v1", vec![configured]);
        settings.found = found;
        Models::new(&settings)
    }

    #[test]
    fn what_is_found_is_added_and_what_is_configured_stays() {
        let models = models(FoundModels::Added);
        let body = r#"{"object":"list","data":[
            {"id":"big","object":"model","max_model_len":4096},
            {"id":"claude","type":"model","display_name":"Claude","max_input_tokens":200000},
            {"id":"evil\n"}, {"id":7}, {"id":""}, {"id":"plain"}]}"#;
        models.take_found(body.as_bytes()).unwrap();
        let seen: Vec<_> = models.all().into_iter().map(|model| (model.id, model.name, model.context_tokens)).collect();
        assert_eq!(
            seen,
            [
                ("big".into(), "Big".into(), Some(4096)),
                ("claude".into(), "Claude".into(), Some(200_000)),
                ("plain".into(), "plain".into(), None)
            ]
        );
        models.take_found(br#"{"data":[]}"#).unwrap();
        assert_eq!(models.all().len(), 1, "what is gone there is gone here");
    }

    #[test]
    fn what_is_no_list_changes_nothing() {
        let models = models(FoundModels::Added);
        for body in ["<html>", "[]", "{}", r#"{"error":"x"}"#] {
            assert_eq!(models.take_found(body.as_bytes()), Err(NoList), "{body}");
        }
        assert_eq!(models.all().len(), 1);
    }
}
