//! Embeddings are asked for as answers are: one quick second try, then the next target, and nobody who rests.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use steadfast::{CancelToken, Code, Error};
use steadfast_gateway::EmbedCall;
use steadfast_providers::scripted::{Act, Scripted};

use crate::{
    house::{House, unavailable},
    talk::chain,
};

fn upstream(name: &str, acts: Vec<Act>) -> Arc<Scripted> {
    Arc::new(Scripted::upstream(name, "big", acts))
}

async fn embedded(house: &House) -> Result<Bytes, Error> {
    let call = EmbedCall {
        model: "genius".to_owned(),
        body: Bytes::from_static(br#"{"model":"genius","input":"hi"}"#),
        request_id: "req_1".to_owned(),
        deadline: None,
        token: CancelToken::root("caller"),
    };
    house.gateway.embed(call).await
}

#[tokio::test(start_paused = true)]
async fn two_refusals_and_the_next_target_has_its_turn() {
    let (a, b) = (upstream("a", vec![unavailable(), unavailable()]), upstream("b", vec![Act::says(&[])]));
    let house = chain(&a, &b).start().await;
    assert!(embedded(&house).await.is_ok());
    assert_eq!((a.asked().len(), b.asked().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_question_itself_is_not_asked_elsewhere() {
    let (a, b) = (upstream("a", vec![Act::Refuse(Error::validation("no input"))]), upstream("b", vec![Act::says(&[])]));
    let house = chain(&a, &b).start().await;
    assert_eq!(embedded(&house).await.unwrap_err().code(), Code::VALIDATION);
    assert_eq!(b.asked().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_asked_for_a_pause_is_left_alone() {
    let busy = Act::Refuse(Error::rate_limited("a", Some(Duration::from_secs(200))));
    let (a, b) = (upstream("a", vec![busy]), upstream("b", vec![Act::says(&[]), Act::says(&[])]));
    let house = chain(&a, &b).start().await;
    assert!(embedded(&house).await.is_ok() && embedded(&house).await.is_ok());
    assert_eq!((a.asked().len(), b.asked().len()), (1, 2));
}
