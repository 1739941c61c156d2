//! Templates of real families, and hostile ones.

use super::*;

fn turn(role: &str, content: &str) -> Turn {
    Turn { role: role.into(), content: content.into() }
}

fn template(source: &str) -> ChatTemplate {
    let words = SpecialWords { begin: "<s>".into(), end: "</s>".into() };
    ChatTemplate::new(Some(source), words, Clock::manual()).unwrap()
}

fn render(source: &str, turns: &[Turn]) -> Result<String, TemplateFault> {
    template(source).render(turns)
}

#[test]
fn a_model_without_a_template_gets_chatml() {
    let default = ChatTemplate::new(None, SpecialWords::default(), Clock::manual()).unwrap();
    let prompt = default.render(&[turn("system", "Be brief."), turn("user", "<b>Hi</b>")]).unwrap();
    assert_eq!(
        prompt,
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n<b>Hi</b><|im_end|>\n<|im_start|>assistant\n"
    );
}

#[test]
fn begun_answers_are_continued_where_they_stopped() {
    let default = ChatTemplate::new(None, SpecialWords::default(), Clock::manual()).unwrap();
    let prompt = default.render(&[turn("user", "Count"), turn("assistant", "One, two")]).unwrap();
    assert!(prompt.ends_with("<|im_start|>assistant\nOne, two"), "{prompt}");
}

#[test]
fn python_habits_of_template_authors_work() {
    let source = "{{ bos_token }}{% for m in messages %}{% if m['role'].startswith('us') %}\
                  [INST] {{ m['content'].strip() | upper }} [/INST]{% else %}{{ m.get('content') }}{% endif %}{% endfor %}";
    assert_eq!(render(source, &[turn("user", "  hi ")]).unwrap(), "<s>[INST] HI [/INST]");
}

#[test]
fn blocks_leave_no_blank_lines_as_the_authors_expect() {
    let source = "{%- for m in messages %}\n    {{- m.content }}\n{% endfor %}\nend";
    assert_eq!(render(source, &[turn("user", "a"), turn("user", "b")]).unwrap(), "a\nb\nend");
}

#[test]
fn a_template_that_takes_no_system_message_gets_it_with_the_first_question() {
    let source = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}\
                  {% for m in messages %}{{ m.role }}: {{ m.content }};{% endfor %}";
    let prompt = render(source, &[turn("system", "Be brief."), turn("user", "Hi")]).unwrap();
    assert_eq!(prompt, "user: Be brief.\n\nHi;");
}

#[test]
fn a_refusal_carries_the_authors_words() {
    let refusal = render("{{ raise_exception('roles must alternate') }}", &[turn("user", "a")]).unwrap_err();
    assert!(matches!(&refusal, TemplateFault::Refused(why) if why == "roles must alternate"), "{refusal}");
}

#[test]
fn the_date_comes_from_the_clock() {
    let date = render("{{ strftime_now('%Y') }}", &[]).unwrap();
    assert_eq!(date.len(), 4);
    assert!(matches!(render("{{ strftime_now('%!') }}", &[]), Err(TemplateFault::Failed(_))));
}

#[test]
fn hostile_templates_run_dry() {
    for source in [
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "{% set x = 'abcdefgh' * 100000 %}{% for i in range(1000) %}{{ x }}{% endfor %}",
        "{% include 'other' %}",
        "{{ 1 / 0 }}",
        "{{ nothing.at.all }}",
    ] {
        assert!(matches!(render(source, &[]), Err(TemplateFault::Failed(_))), "{source}");
    }
}

#[test]
fn large_and_broken_templates_are_refused_before_they_run() {
    let words = SpecialWords::default;
    let large = ChatTemplate::new(Some(&"x".repeat(LARGEST_TEMPLATE + 1)), words(), Clock::manual());
    assert!(matches!(large, Err(TemplateFault::TooLarge(_))));
    let broken = ChatTemplate::new(Some("{% for %}"), words(), Clock::manual());
    assert!(matches!(broken, Err(TemplateFault::Unreadable(_))));
}
