//! Lines that are cut, servers that fall silent, and parts that outlive the process.

use super::{server::Fault, *};

#[tokio::test]
async fn a_cut_line_is_resumed_where_it_was_cut() {
    let model = content(3_000_000, 11);
    let site = Site::with(&model).await;
    site.next(Fault::CutAfter(1_000_000));
    site.next(Fault::CutAfter(500_000));
    let desk = Desk::pinned(&model, &https(&site.url("model")));

    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    let requests = site.requests();
    let begins: Vec<u64> = requests[1..].iter().map(|seen| first_byte(seen.range.as_ref().unwrap())).collect();
    assert!(begins.is_sorted() && begins.iter().all(|begin| (1..=1_500_000).contains(begin)), "{begins:?}");
    assert!(requests[1..].iter().all(|seen| seen.if_range.as_deref() == Some("\"one\"")));
    assert!(desk.notes().contains("Trying again (attempt 2 of 3)."), "{}", desk.notes());
}

#[tokio::test]
async fn a_part_survives_the_process_and_the_next_one_goes_on() {
    let model = content(3_000_000, 12);
    let site = Site::with(&model).await;
    site.next(Fault::EndEarly(2_000_000));
    let desk = Desk::pinned(&model, &https(&site.url("model"))).once();
    desk.fetch().await.unwrap_err();
    assert_eq!(desk.part_length(), Some(2_000_000));

    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert_eq!(site.requests()[1].range.as_deref(), Some("bytes=2000000-2999999"));
    let first_shown = desk.told.lock().unwrap().iter().rev().find_map(|news| match news {
        News::Downloading(reading) if reading.bytes_per_second.is_none() => Some(reading.done),
        _ => None,
    });
    assert_eq!(first_shown, Some(2_000_000), "what is on the disk counts as done");
}

#[tokio::test]
async fn more_cuts_than_attempts_do_no_harm_while_bytes_keep_coming() {
    let model = content(12_000_000, 13);
    let site = Site::with(&model).await;
    (0..6).for_each(|_| site.next(Fault::EndEarly(1_500_000)));
    let mut desk = Desk::pinned(&model, &https(&site.url("model")));
    (desk.settings.attempts, desk.settings.rounds) = (2, 1);

    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert_eq!(site.requests().len(), 7);
}

#[tokio::test]
async fn a_server_without_ranges_is_read_from_the_beginning_again() {
    let model = content(1_000_000, 14);
    let site = Site::with(&model).await;
    site.refuse_ranges();
    site.next(Fault::CutAfter(600_000));
    let desk = Desk::pinned(&model, &https(&site.url("model")));
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
}

#[tokio::test]
async fn a_file_that_changed_at_the_source_is_not_glued_to_the_old_part() {
    let (old, new) = (content(900_000, 15), content(900_000, 16));
    let site = Site::with(&old).await;
    site.next(Fault::EndEarly(500_000));
    let desk = Desk::pinned(&new, &https(&site.url("model"))).once();
    desk.fetch().await.unwrap_err();
    site.file("model", &new, Some("\"two\""));

    assert_eq!(read(&desk.fetch().await.unwrap()), new);
    assert_eq!(site.requests()[1].if_range.as_deref(), Some("\"one\""));
}

#[tokio::test]
async fn a_server_that_resumes_another_file_or_elsewhere_is_not_believed() {
    let (old, new) = (content(900_000, 15), content(900_000, 16));
    let site = Site::with(&old).await;
    site.ignore_if_range();
    site.next(Fault::EndEarly(500_000));
    let desk = Desk::pinned(&new, &https(&site.url("model")));
    desk.fetch_once().await.unwrap_err();
    site.file("model", &new, Some("\"two\""));
    assert_eq!(read(&desk.fetch().await.unwrap()), new);
    assert!(desk.notes().contains("has another file now than before; starting again"), "{}", desk.notes());

    let site = Site::with(&new).await;
    site.next(Fault::EndEarly(500_000));
    site.next(Fault::OtherRange(1000));
    let desk = Desk::pinned(&new, &https(&site.url("model")));
    assert_eq!(read(&desk.fetch().await.unwrap()), new);
    let asked: Vec<Option<String>> = site.requests().into_iter().map(|seen| seen.range).collect();
    assert_eq!(asked, [None, Some("bytes=500000-899999".to_owned()), None], "nothing of the other range is kept");
}

#[tokio::test]
async fn an_old_part_that_turns_out_wrong_costs_one_clean_try_and_not_the_source() {
    let (old, new) = (content(900_000, 17), content(900_000, 18));
    let site = Site::empty().await;
    site.file("model", &old, None);
    site.next(Fault::EndEarly(500_000));
    let desk = Desk::pinned(&new, &https(&site.url("model"))).once();
    desk.fetch().await.unwrap_err();
    site.file("model", &new, None);

    // No tag tells the two files apart, so only the checksum can.
    assert_eq!(read(&desk.fetch().await.unwrap()), new);
    assert!(desk.notes().contains("Fetching it again from the beginning."), "{}", desk.notes());
}

#[tokio::test]
async fn silence_is_noticed_and_the_next_attempt_goes_on() {
    let model = content(1_000_000, 19);
    let site = Site::with(&model).await;
    site.next(Fault::SilentAfter(400_000));
    let mut desk = Desk::pinned(&model, &https(&site.url("model")));
    desk.settings.stall_after = Duration::from_millis(400);

    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert_eq!(desk.notes(), "No data from the web address for 0 s. Trying again (attempt 2 of 3).");
    assert_eq!(site.requests()[1].range.as_deref(), Some("bytes=400000-999999"));
}

#[tokio::test]
async fn a_cancelled_download_ends_at_once_and_keeps_its_part() {
    let model = content(1_000_000, 20);
    let site = Site::with(&model).await;
    site.next(Fault::SilentAfter(700_000));
    let desk = Desk::pinned(&model, &https(&site.url("model")));
    let token = desk.token.clone();
    let watch_and_stop = async {
        while desk.part_length().unwrap_or_default() < 256 << 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        token.cancel(steadfast::CancelReason::UserStop);
        desk.part_length().unwrap()
    };
    let (fetched, seen) = tokio::join!(desk.fetch(), watch_and_stop);
    assert_eq!(fetched.unwrap_err().cancel_reason(), Some(steadfast::CancelReason::UserStop));
    token.join().await;
    let kept = desk.part_length().unwrap();
    assert!((seen..=700_000).contains(&kept), "{seen} bytes were on the disk, {kept} are");

    let desk = Desk { token: CancelToken::root("again"), ..desk };
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert_eq!(site.requests()[1].range, Some(format!("bytes={kept}-999999")));
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again_and_one_that_has_nothing_is_not() {
    let model = content(100_000, 21);
    let site = Site::with(&model).await;
    site.next(Fault::Status(500));
    let desk = Desk::pinned(&model, &https(&site.url("model")));
    assert_eq!(read(&desk.fetch().await.unwrap()), model);

    let desk = Desk::pinned(&model, &https(&site.url("absent")));
    let asked = site.requests().len();
    assert_eq!(desk.fetch().await.unwrap_err().code(), Code::NOT_FOUND);
    assert_eq!(site.requests().len(), asked + 1);
}

#[tokio::test]
async fn a_file_of_another_length_is_refused_before_it_is_read() {
    let model = content(100_000, 22);
    let site = Site::with(&content(100_001, 22)).await;
    let desk = Desk::pinned(&model, &https(&site.url("model"))).once();
    let error = desk.fetch().await.unwrap_err();
    assert!(error.message().contains("100001 bytes instead of 100000"), "{}", error.message());
    assert_eq!(desk.part_length(), Some(0));
}

fn first_byte(range: &str) -> u64 {
    range.strip_prefix("bytes=").unwrap().split('-').next().unwrap().parse().unwrap()
}
