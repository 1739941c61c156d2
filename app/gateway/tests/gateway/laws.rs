//! The laws, whatever the script: delivered text is never taken back (L4), there is one end (L5), a good end has its
//! evidence (L6), and no two attempts are joined in silence (L9).

use std::sync::Arc;

use proptest::prelude::*;
use steadfast::Error;
use steadfast_contract::{chunk::SeamMethod, provider::Continuation};
use steadfast_providers::scripted::{Act, Line, Scripted};

use crate::talk::{Heard, ask, chain, hear};

/// How an attempt ends that does not end well.
#[derive(Debug, Clone, Copy)]
enum Break {
    Cut,
    Error,
    Stall,
}

/// What the second target does when it is given the text so far.
#[derive(Debug, Clone, Copy)]
enum Manner {
    GoesOn,
    /// Says the last so many characters again first.
    Repeats(usize),
    BeginsAnew,
    /// Says the first so many characters, then something else: no repetition, and no continuation.
    Echoes(usize),
    Refuses,
    /// Goes on and breaks as well, after so many characters.
    Breaks(usize),
}

/// Characters of no word twice, so that only a real repetition is one.
fn whole_text(words: usize) -> String {
    let numbered: Vec<String> = (0..words).map(|word| format!("{}{word}", ["wave", "pier", "ebb"][word % 3])).collect();
    numbered.join(" ")
}

fn in_pieces(text: &str, size: usize) -> Vec<Line> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size).map(|piece| Line::Words(piece.iter().collect())).collect()
}

fn ending(lines: Vec<Line>, end: Break) -> Act {
    let last = match end {
        Break::Cut => None,
        Break::Error => Some(Line::Break(Error::connection_lost("a"))),
        Break::Stall => Some(Line::Stall),
    };
    Act::Speak(lines.into_iter().chain(last).collect())
}

fn second(manner: Manner, whole: &str, given: usize, size: usize) -> Act {
    let well = |text: &str| Act::Speak(in_pieces(text, size).into_iter().chain([Line::Finish]).collect());
    match manner {
        Manner::GoesOn => well(&whole[given..]),
        Manner::Repeats(characters) => well(&whole[given.saturating_sub(characters)..]),
        Manner::BeginsAnew => well(whole),
        Manner::Echoes(characters) => {
            well(&format!("{} … {}", &whole[..characters.min(given - 1)], "another tale ".repeat(9)))
        }
        Manner::Refuses => Act::Refuse(Error::unauthorized("b")),
        Manner::Breaks(after) => ending(in_pieces(&whole[given..(given + after).min(whole.len())], size), Break::Cut),
    }
}

fn breaks() -> impl Strategy<Value = Break> {
    prop_oneof![Just(Break::Cut), Just(Break::Error), Just(Break::Stall)]
}

fn manners() -> impl Strategy<Value = Manner> {
    prop_oneof![
        3 => Just(Manner::GoesOn),
        2 => (16_usize..120).prop_map(Manner::Repeats),
        1 => Just(Manner::BeginsAnew),
        2 => (24_usize..120).prop_map(Manner::Echoes),
        1 => Just(Manner::Refuses),
        1 => (0_usize..200).prop_map(Manner::Breaks),
    ]
}

fn continuations() -> impl Strategy<Value = Continuation> {
    prop_oneof![3 => Just(Continuation::Verified), 1 => Just(Continuation::Unknown), 1 => Just(Continuation::Unsupported)]
}

fn answer(first: Act, other: Act, continuation: Continuation) -> Heard {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let a = Arc::new(Scripted::upstream("a", "big", [first]));
        let b = Arc::new(Scripted::upstream("b", "big", [other]).continuing(continuation));
        let house = chain(&a, &b).start().await;
        hear(&house, ask("genius")).await
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_delivered_is_the_answer_or_an_honest_beginning_of_it(
        words in 12_usize..140, // beyond 400 characters a repetition is no longer looked for
        share in 0.05_f64..0.95,
        sizes in (1_usize..40, 1_usize..40),
        end in breaks(),
        manner in manners(),
        continuation in continuations(),
    ) {
        let whole = whole_text(words);
        // Shorter beginnings are too little to recognise a new beginning by.
        let cut = ((whole.len() as f64 * share) as usize).max(27);
        let delivered = &whole[..cut];
        let given = delivered.trim_end().len();
        let first = ending(in_pieces(delivered, sizes.0), end);
        let heard = answer(first, second(manner, &whole, given, sizes.1), continuation);

        prop_assert!(whole.starts_with(&heard.text), "L4: {heard:?}");
        prop_assert!(heard.text.starts_with(delivered), "nothing is lost: {heard:?}");
        prop_assert_eq!(heard.finishes.len() + usize::from(heard.error.is_some()), 1, "L5: {:?}", heard);
        prop_assert_eq!(heard.finishes.len() == 1, heard.text == whole && heard.error.is_none(), "L6: {:?}", heard);
        if heard.text.len() > delivered.len() {
            prop_assert_eq!(heard.seams.len(), 1, "L9: {:?}", heard);
            prop_assert_eq!((heard.seams[0].at_chars as usize, heard.seams[0].method), (cut, SeamMethod::Prefill));
        }
        if continuation == Continuation::Verified && matches!(manner, Manner::GoesOn) {
            prop_assert_eq!(&heard.text, &whole);
        }
        if continuation != Continuation::Verified {
            prop_assert_eq!(&heard.text, delivered);
        }
    }
}
