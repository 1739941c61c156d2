//! Which call a part belongs to. The protocol numbers them; servers leave the number out, begin at 5, or number all of
//! them 0, so the id counts for more than the number.

use steadfast_contract::chunk::ToolCallPart;

use super::{
    TooMany,
    frame::{WireCall, WireFunction},
};
use crate::loose::json_text;

#[derive(Debug, Default)]
pub(super) struct Calls {
    /// In the order in which they began: a call's place is our number for it.
    begun: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    index: Option<u32>,
    id: Option<String>,
}

impl Calls {
    pub(super) fn any(&self) -> bool {
        !self.begun.is_empty()
    }

    pub(super) fn part(&mut self, part: WireCall<'_>) -> Result<ToolCallPart, TooMany> {
        let (index, id) = (part.index.map(|index| index.0), part.id.some());
        let function = part.function.unwrap_or_default();
        let name = function.name.some();
        let (place, is_new) = match self.place(index, id.as_deref(), name.is_some()) {
            Some(place) => (place, false),
            None if self.begun.len() == CALLS => return Err(TooMany),
            None => {
                self.begun.push(Call { index, id: id.clone() });
                (self.begun.len() - 1, true)
            }
        };
        let call = &mut self.begun[place];
        // Many servers say id and name with every part; the first time is enough.
        let id = if is_new || call.id.is_none() { id } else { None };
        call.id = call.id.take().or_else(|| id.clone());
        let arguments = json_text(function.arguments);
        Ok(ToolCallPart { index: number(place), id, name: name.filter(|_| is_new), arguments })
    }

    /// `function_call`: there was never more than one.
    pub(super) fn old_style(&mut self, function: WireFunction<'_>) -> ToolCallPart {
        if self.begun.is_empty() {
            self.begun.push(Call { index: None, id: None });
        }
        let arguments = json_text(function.arguments);
        ToolCallPart { index: 0, id: None, name: function.name.some(), arguments }
    }

    /// The call that goes on; `None` when a new one begins.
    fn place(&self, index: Option<u32>, id: Option<&str>, is_named: bool) -> Option<usize> {
        let by_id = id.and_then(|id| self.begun.iter().rposition(|call| call.id.as_deref() == Some(id)));
        let by_index = || index.and_then(|index| self.begun.iter().rposition(|call| call.index == Some(index)));
        match (by_id, index) {
            (Some(place), _) => Some(place),
            (None, Some(_)) => by_index().filter(|place| !self.is_another(*place, id, is_named)),
            // Neither number nor id: the last one goes on, unless a name begins the next.
            (None, None) if id.is_none() && !is_named => self.begun.len().checked_sub(1),
            (None, None) => None,
        }
    }

    /// The same number, but another id and a name: the next call of a server that cannot count.
    fn is_another(&self, place: usize, id: Option<&str>, is_named: bool) -> bool {
        is_named && id.is_some() && self.begun[place].id.is_some() && self.begun[place].id.as_deref() != id
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// No answer asks for more calls than a request may offer tools.
const CALLS: usize = 128;
