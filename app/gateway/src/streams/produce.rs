//! The story of one stream: ask, write what comes into the log, and end it, whatever happens.
//!
//! Whoever stops it is heard at once: the question is dropped, which closes the upstream, and the log gets its end.

use std::sync::Arc;

use futures_util::StreamExt;
use steadfast::{CancelReason, Error};
use steadfast_contract::{code, stream_log::AnswerWriter};

use super::{
    reader::StreamHandle,
    registry::Admitted,
    spec::{Opening, StreamSpec},
    unread,
    writer::LogWriter,
};
use crate::{
    chat::{Answer, ChatAsk},
    gateway::Gateway,
};

/// The stream's task belongs to `ask.token`: whoever ends that hears of the end of every stream below it.
pub(crate) fn start(
    gateway: &Arc<Gateway>,
    ask: ChatAsk,
    spec: StreamSpec,
    writer: Box<dyn AnswerWriter>,
) -> Result<StreamHandle, Error> {
    let Admitted { handle, writer } = gateway.streams.admit(spec, writer, &ask.token)?;
    if let Some(writer) = writer {
        gateway.streams.sweep();
        gateway.streams.keep(writer.stream());
        let token = writer.stream().token.clone();
        let ask = ChatAsk { token: token.clone(), ..ask };
        drop(token.spawn("answer", produce(Arc::clone(gateway), ask, writer)));
    }
    Ok(handle)
}

async fn produce(gateway: Arc<Gateway>, ask: ChatAsk, writer: LogWriter) {
    let stream = Arc::clone(writer.stream());
    let answered = tokio::select! {
        biased;
        reason = stream.token.cancelled() => Err(Error::cancelled(reason)),
        () = unread::for_too_long(stream.readers(), stream.spec.keep, stream.clock.clone()) => {
            stream.token.cancel(CancelReason::ClientGone);
            Err(Error::cancelled(CancelReason::ClientGone))
        }
        answered = answer(&gateway, ask, &writer) => answered,
    };
    if let Err(error) = answered {
        // Closed means that somebody ended it for us: there is an end, and that is all that matters here.
        let _there_is_an_end = writer.fail(error);
    }
    stream.end().await; // a stream that is kept has its end once that is kept too
    gateway.streams.has_ended(&stream);
}

/// Until the answer's own end is in the log.
async fn answer(gateway: &Arc<Gateway>, ask: ChatAsk, writer: &LogWriter) -> Result<(), Error> {
    // In a box: all that asking takes is needed until the answer begins, and this task lives until its end.
    let Answer { stream: mut pieces, model, target, attempts, cached } = Box::pin(gateway.chat(ask)).await?;
    let cut = target.clone();
    writer.open(Opening { model, target, attempts, cached }).map_err(|_closed| taken_over())?;
    loop {
        let piece = pieces.next().await.unwrap_or_else(|| Err(code::stream_cut(&cut)))?;
        writer.piece(piece).map_err(|_closed| taken_over())?;
        gateway.streams.make_room_if_needed();
        if writer.stream().log().is_closed() {
            return Ok(());
        }
    }
}

fn taken_over() -> Error {
    Error::cancelled(CancelReason::Superseded)
}
