//! The checks, in the order in which a first start needs what they look at.

mod engine;
mod machine;
mod network;
mod store;

use super::Finding;
use crate::settings::Settings;

type Check = for<'a> fn(&'a Settings) -> steadfast_contract::BoxFuture<'a, Finding>;

/// Every check of the doctor.
pub(super) fn all() -> [Check; 8] {
    [
        |settings| Box::pin(async { machine::data_dir(settings) }),
        |settings| Box::pin(async { machine::disk(settings) }),
        |_| Box::pin(async { machine::memory() }),
        |settings| Box::pin(store::store(settings)),
        |settings| Box::pin(network::port(settings)),
        |settings| Box::pin(network::hub(settings)),
        |settings| Box::pin(engine::python(settings)),
        |settings| Box::pin(engine::engine(settings)),
    ]
}
