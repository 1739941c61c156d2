//! What tests ask, and how they read the answers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{events::Events, house::House, wait::until};

/// A message on its way into a conversation.
#[derive(Debug, Clone)]
pub struct Ask {
    pub conversation: String,
    pub id: String,
    pub text: String,
    pub model: String,
    pub sampling: Value,
}

pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The body of a plain question to `/v1`, answered greedily and so always alike.
pub fn question(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }], "temperature": 0 })
}

/// A message for `conversation`, answered greedily and so always alike.
pub fn conversation(conversation: &str, model: &str, text: &str) -> Ask {
    Ask {
        conversation: conversation.to_owned(),
        id: new_id(),
        text: text.to_owned(),
        model: model.to_owned(),
        sampling: json!({ "temperature": 0.0, "stop": [] }),
    }
}

impl Ask {
    pub fn at_most(mut self, tokens: u32) -> Self {
        self.sampling["max_tokens"] = tokens.into();
        self
    }

    /// Sends it, and answers the receipt.
    pub async fn send(&self, house: &House) -> Value {
        let body = json!({ "id": self.id, "text": self.text, "model": self.model, "sampling": self.sampling });
        let receipt = house.post(&format!("/api/conversations/{}/messages", self.conversation), body).await;
        assert_eq!(receipt.status(), 202, "{}", receipt.text().await.unwrap_or_default());
        receipt.json().await.expect("the receipt is JSON")
    }

    /// Sends it and answers the id of its run.
    pub async fn run(&self, house: &House) -> String {
        self.send(house).await["run"]["spec"]["id"].as_str().expect("a run has an id").to_owned()
    }
}

impl House {
    pub async fn run(&self, id: &str) -> Value {
        self.json(&format!("/api/runs/{id}")).await
    }

    pub async fn follow(&self, id: &str, after: u64) -> Events {
        Events::of(self.get(&format!("/api/runs/{id}/events?after={after}")).await)
    }

    /// Waits until the run is in one of `states`, and answers it.
    pub async fn run_is(&self, id: &str, states: &[&str]) -> Value {
        until(format!("run {id} in {states:?}"), Duration::from_secs(90), async || {
            let run = self.run(id).await;
            states.iter().any(|state| run["state"] == *state).then_some(run)
        })
        .await
    }

    /// Waits until the run has written at least `letters`, and answers its text.
    pub async fn run_has_written(&self, id: &str, letters: usize) -> String {
        until(format!("{letters} letters of run {id}"), Duration::from_secs(90), async || {
            let run = self.run(id).await;
            let text = run["text"].as_str().unwrap_or_default().to_owned();
            assert!(run["ended_ms"].is_null(), "it ended too early for this test, in state {}", run["state"]);
            (text.len() >= letters).then_some(text)
        })
        .await
    }
}
