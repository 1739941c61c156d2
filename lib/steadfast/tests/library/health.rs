//! Health: what the parts say, how they add up, and what is said of those that say nothing.

use std::time::Duration;
use steadfast::{Health, HealthStatus, testing::Stage};

const SECOND: Duration = Duration::from_secs(1);

fn health(stage: &Stage) -> Health {
    Health::new(stage.clock().clone()).with_events(stage.events())
}

#[test]
fn the_story_of_a_program() {
    let stage = Stage::manual();
    let health = health(&stage);
    let (database, search) = (health.essential("database").heard_within(10 * SECOND), health.optional("search"));
    insta::assert_snapshot!(health.report(), @r"
    degraded
      database: unknown for 0ns: it has not said anything yet
      search: unknown for 0ns: it has not said anything yet
    ");
    database.up();
    search.down("the index is damaged");
    stage.advance(3 * SECOND);
    insta::assert_snapshot!(health.report(), @r"
    degraded
      database: up for 3s
      search: down for 3s: the index is damaged
    ");
    search.degraded("the index is being built");
    stage.advance(6 * SECOND);
    search.up();
    database.up();
    insta::assert_snapshot!(health.report(), @r"
    up
      database: up for 9s
      search: up for 0ns
    ");
    stage.advance(10 * SECOND);
    insta::assert_snapshot!(health.report(), @r"
    degraded
      database: unknown for 0ns: it has fallen silent
      search: up for 10s
    ");
    database.up();
    insta::assert_snapshot!(stage, @r"
    0 ms  database: unknown to up
    0 ms  search: unknown to down: the index is damaged
    3000 ms  search: down to degraded: the index is being built
    9000 ms  search: degraded to up
    19000 ms  database: up to unknown: it has fallen silent
    19000 ms  database: unknown to up
    ");
}

#[test]
fn a_part_that_falls_silent_is_unknown_at_its_limit_and_told_once() {
    let stage = Stage::manual();
    let health = health(&stage);
    let database = health.essential("database").heard_within(10 * SECOND);
    database.up();
    stage.advance(10 * SECOND - Duration::from_nanos(1));
    assert_eq!((database.status(), health.verdict()), (HealthStatus::Up, HealthStatus::Up));
    stage.advance(Duration::from_nanos(1));
    assert_eq!((database.status(), health.verdict()), (HealthStatus::Unknown, HealthStatus::Degraded));
    health.report();
    assert_eq!(health.report().verdict, HealthStatus::Degraded);
    assert_eq!(stage.log().events().len(), 2, "{stage}");
    database.up();
    assert_eq!(health.verdict(), HealthStatus::Up);
}

#[test]
fn what_is_down_and_falls_silent_is_unknown_too() {
    let stage = Stage::manual();
    let health = health(&stage);
    let database = health.essential("database").heard_within(SECOND);
    database.down("no route");
    assert_eq!(health.verdict(), HealthStatus::Down);
    stage.advance(SECOND);
    assert_eq!(health.verdict(), HealthStatus::Degraded);
}

#[test]
fn saying_the_same_again_is_no_change_but_is_heard() {
    let stage = Stage::manual();
    let health = health(&stage);
    let database = health.essential("database").heard_within(10 * SECOND);
    for _ in 0..5 {
        database.up();
        stage.advance(9 * SECOND);
        assert_eq!(health.report().verdict, HealthStatus::Up);
    }
    database.degraded("slow: 2 s");
    database.degraded("slow: 3 s");
    assert_eq!(stage.log().events().len(), 2, "{stage}");
    let report = health.report();
    assert_eq!((report.components[0].reason.as_ref(), report.components[0].heard), ("slow: 3 s", Some(Duration::ZERO)));
}

#[test]
fn one_name_is_one_part_and_a_forgotten_one_does_not_count() {
    let stage = Stage::manual();
    let health = health(&stage);
    health.essential("database").up();
    assert_eq!(health.optional("database").status(), HealthStatus::Up);
    let old = health.essential("old");
    old.down("gone");
    health.forget("old");
    assert_eq!((health.verdict(), health.report().components.len()), (HealthStatus::Up, 1));
    assert_eq!(Health::new(stage.clock().clone()).verdict(), HealthStatus::Up);
}

#[test]
fn a_report_serialises_in_words() {
    let stage = Stage::manual();
    let health = health(&stage);
    health.optional("search").down("no index");
    let json = serde_json::to_value(health.report()).unwrap();
    assert_eq!((&json["verdict"], &json["components"][0]["status"]), (&"degraded".into(), &"down".into()));
}
