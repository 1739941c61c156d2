//! A program's own error enum: each variant says what may be done about it, and a pipeline reads that.
//! `cargo run -p steadfast --example own_error --features derive`
#![expect(clippy::print_stdout, reason = "an example shows its work")]

use std::time::Duration;
use steadfast::{Call, CancelToken, Classify, Failed, Pipeline, Retry};

#[derive(Debug, Classify, thiserror::Error)]
enum LibraryError {
    #[error("the reading room is full")]
    #[guide(retry, blame = target)]
    Full,
    #[error("the book is lent out")]
    #[guide(never)]
    LentOut,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let library = Pipeline::for_error::<LibraryError>("library").retry(Retry::fixed(Duration::from_millis(10)));
    let call = Call::new("borrow", &CancelToken::root("program"));
    for book in ["Emma", "Ulysses"] {
        let found = library.run(&call, |attempt| async move {
            match (book, attempt.number) {
                (_, 1) => Err(LibraryError::Full),
                ("Emma", _) => Ok("here you are"),
                _ => Err(LibraryError::LentOut),
            }
        });
        match found.await {
            Ok(outcome) => println!("{book}: {} (attempt {})", outcome.value, outcome.attempts),
            Err(Failed::Inner { error, attempts }) => println!("{book}: {error} (attempt {attempts})"),
            Err(other) => println!("{book}: {other}"),
        }
    }
}
