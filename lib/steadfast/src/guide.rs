//! The guide's examples, so that `cargo test --doc` compiles and runs them. There is nothing else in here.

macro_rules! pages {
    ($($page:ident = $file:literal;)*) => {
        $(
            #[doc = include_str!(concat!("../../../docs/guide/", $file))]
            struct $page;
        )*
    };
}

pages! {
    Start = "README.md";
    Errors = "errors.md";
    Cancellation = "cancellation.md";
    Retrying = "retry.md";
    Breaking = "breaker.md";
    Limits = "limits.md";
    SecondChoices = "second-choices.md";
    Order = "pipeline.md";
    YourOwn = "your-own-policy.md";
    Testing = "testing.md";
    Seeing = "seeing.md";
}
