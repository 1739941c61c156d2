//! The standard's own examples, the limits, and the law that the pieces do not matter.

use proptest::prelude::*;

use super::*;

fn split(pieces: &[&[u8]]) -> Result<Vec<Item>, TooLarge> {
    let (mut splitter, mut found) = (Splitter::default(), Vec::new());
    for piece in pieces {
        splitter.push(piece, &mut found)?;
    }
    splitter.finish(&mut found)?;
    Ok(found)
}

fn items(stream: &str) -> Vec<Item> {
    split(&[stream.as_bytes()]).unwrap()
}

fn event(data: &str) -> Item {
    named("", data)
}

fn named(name: &str, data: &str) -> Item {
    Item::Event { name: name.into(), data: data.into() }
}

#[test]
fn the_examples_of_the_standard_come_out_right() {
    assert_eq!(items("data: YHOO\ndata: +2\ndata: 10\n\n"), [event("YHOO\n+2\n10")]);
    assert_eq!(
        items(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"),
        [Item::Comment, event("first event"), event("second event"), event(" third event"),]
    );
    assert_eq!(items("data\n\ndata\ndata\n\ndata:"), [event(""), event("\n"), event("")]);
    assert_eq!(items("data:test\n\ndata: test\n\n"), [event("test"), event("test")]);
    assert_eq!(
        items("event: add\ndata: 73857293\n\nevent: gone\n\ndata: x\n\n"),
        [named("add", "73857293"), event("x")]
    );
}

#[test]
fn every_kind_of_line_end_is_one() {
    for stream in [
        "data: a\n\ndata: b\n\n",
        "data: a\r\n\r\ndata: b\r\n\r\n",
        "data: a\r\rdata: b\r\r",
        "data: a\r\n\ndata: b\n\r\n",
    ] {
        assert_eq!(items(stream), [event("a"), event("b")], "{stream:?}");
    }
}

#[test]
fn a_byte_order_mark_counts_only_at_the_beginning() {
    assert_eq!(items("\u{feff}data: a\n\n\u{feff}data: b\n\n"), [event("a")]);
}

#[test]
fn what_the_end_cut_short_is_still_told() {
    assert_eq!(items("data: [DONE]"), [event("[DONE]")]);
    assert_eq!(items("data: [DONE]\n"), [event("[DONE]")]);
    assert_eq!(items(""), []);
}

#[test]
fn a_giant_line_is_refused_before_it_fills_the_memory() {
    let piece = vec![b'x'; 64 * 1024];
    let pieces: Vec<&[u8]> = std::iter::repeat_n(piece.as_slice(), 17).collect();
    assert_eq!(split(&pieces), Err(TooLarge));
    assert!(split(&pieces[..16]).is_ok(), "1 MiB is allowed");
}

#[test]
fn a_giant_event_of_small_lines_is_refused() {
    let line = format!("data: {}\n", "x".repeat(1 << 16));
    let pieces: Vec<&[u8]> = std::iter::repeat_n(line.as_bytes(), 65).collect();
    assert_eq!(split(&pieces), Err(TooLarge));
}

proptest! {
    #[test]
    fn any_pieces_of_a_stream_give_the_same_events(
        lines in prop::collection::vec("(data|event|id|:|x|\u{feff}data)?:? ?[a-zé{}\"]{0,8}(\r\n|\n|\r|\n\n|\r\r)", 0..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let stream = lines.concat().into_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).chain([0, stream.len()]).collect();
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(split(&pieces), split(&[&stream]));
    }
}
