//! What it costs to have the house between a client and an upstream, beside others that stand there: a web server, a
//! Rust router, the gateway that most people use. One run, one machine, the same load and the same upstream, both ours.

mod bench;
mod cores;
mod document;
mod figures;
mod goals;
mod load;
mod measure;
mod mock;
mod peers;
mod processes;

pub use self::{
    bench::Bench,
    cores::Cores,
    document::{page, readme},
    figures::Figures,
    goals::Goal,
};
