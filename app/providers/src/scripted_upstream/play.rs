//! Carries a scenario out on one line, as a stream or as one body, in the voice that was asked.

use std::{io, time::Duration};

use super::{
    refusal::Refusal,
    request::Request,
    scenario::Play,
    script::{Framing, Prefill, Says, Script, Twist, rest_of, words},
    talk::Talk,
    voice::{Finish, ToolPiece, Voice},
};

/// How a scenario left the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Ready for the next question.
    Whole,
    /// Broken by us.
    Broken,
}

impl End {
    pub(super) fn keeps_line(self) -> bool {
        self == Self::Whole
    }
}

/// `Err` when the client left.
pub(super) async fn play(talk: &mut Talk, play: &Play, request: &Request, voice: Voice) -> io::Result<End> {
    match play {
        Play::Refuse(refusal) => refuse(talk, refusal, voice).await,
        Play::Silence => talk.be_silent().await.map(|()| End::Broken),
        Play::ResetAtOnce => talk.reset().map(|()| End::Broken),
        Play::Answer(script) => {
            let prefill = request.prefill();
            if prefill.is_some() && script.prefill == Prefill::Refused {
                return refuse(talk, &Refusal::NO_PREFILL, voice).await;
            }
            let stage = Stage { talk, script: fitting(script, request, prefill), voice, model: request.model() };
            if request.streamed() && voice != Voice::Embeddings { stage.stream().await } else { stage.body().await }
        }
    }
}

/// The script for this very question: what was already said is not said again by who goes on, and after a tool's
/// result there is nothing more to call.
fn fitting(script: &Script, request: &Request, prefill: Option<String>) -> Script {
    match (&script.says, prefill) {
        (Says::Words(all), Some(said)) if script.prefill == Prefill::Continues => {
            script.clone().saying(Says::Words(rest_of(all, &said)))
        }
        (Says::Tool(_), _) if request.brings_a_result() => Script::of(AFTER_A_TOOL),
        _ => script.clone(),
    }
}

async fn refuse(talk: &mut Talk, refusal: &Refusal, voice: Voice) -> io::Result<End> {
    let headers = format!("content-type: {}\r\n{}", refusal.media_type(), refusal.headers);
    talk.reply_with(refusal.status, &headers, &refusal.body(voice)).await?;
    Ok(End::Whole)
}

struct Stage<'a> {
    talk: &'a mut Talk,
    script: Script,
    voice: Voice,
    model: String,
}

impl Stage<'_> {
    async fn stream(mut self) -> io::Result<End> {
        if self.script.twist.is_some_and(|(_, twist)| twist == Twist::BrokenBody) {
            self.talk
                .reply_with(200, "content-type: text/event-stream\r\n", "data: {\"id\":\"half\",\"choi\n\n")
                .await?;
            return Ok(End::Whole);
        }
        self.talk.wait(self.script.first).await?;
        self.talk.begin_stream(self.script.framing).await?;
        for event in self.voice.begin(&self.model) {
            self.talk.event(&event).await?;
        }
        let (words, finish) = self.parts();
        let mut said = 0;
        for word in &words {
            if let Some(end) = self.twist_at(said).await? {
                return Ok(end);
            }
            self.say(word).await?;
            said += 1;
        }
        if finish == Finish::Tool {
            for piece in ToolPiece::all() {
                if let Some(end) = self.twist_at(said).await? {
                    return Ok(end);
                }
                for event in self.voice.tool(&self.model, piece) {
                    self.talk.event(&event).await?;
                }
                self.talk.wait(self.script.pace).await?;
                said += 1;
            }
        }
        for event in self.voice.finish(&self.model, finish, words.len()) {
            self.talk.event(&event).await?;
        }
        self.talk.note_end();
        if self.script.twist.is_some_and(|(_, twist)| twist == Twist::AfterFinish) {
            return Ok(End::Broken);
        }
        for event in self.voice.end(&self.model, words.len()) {
            self.talk.event(&event).await?;
        }
        self.end_stream().await
    }

    async fn say(&mut self, word: &str) -> io::Result<()> {
        for event in self.voice.word(&self.model, word) {
            self.talk.word(&event, word).await?;
            if self.script.twist.is_some_and(|(after, twist)| twist == Twist::Twice && after <= self.talk.words()) {
                self.talk.word(&event, word).await?;
            }
        }
        self.talk.wait(self.script.pace).await
    }

    /// What goes wrong before the next piece, if this is the place; `Some` when nothing can follow.
    async fn twist_at(&mut self, said: usize) -> io::Result<Option<End>> {
        let Some((_, twist)) = self.script.twist.filter(|(after, _)| *after == said) else { return Ok(None) };
        match twist {
            Twist::Reset => self.talk.reset().map(|()| Some(End::Broken)),
            Twist::Fin => Ok(Some(End::Broken)),
            Twist::CleanEnd => self.end_stream().await.map(Some),
            Twist::Stall => self.talk.be_silent().await.map(|()| Some(End::Broken)),
            Twist::BrokenLine => {
                self.talk.line("data: {\"id\":\"half\",\"choices\":[{\"delta\":{\"con\n\n").await.map(|()| None)
            }
            Twist::ErrorEvent => {
                self.talk.event(&self.voice.failure()).await?;
                self.end_stream().await.map(Some)
            }
            Twist::Twice | Twist::AfterFinish | Twist::BrokenBody => Ok(None),
        }
    }

    /// The clean end of a stream, as HTTP sees it.
    async fn end_stream(&mut self) -> io::Result<End> {
        if self.script.framing == Framing::UntilClose {
            return Ok(End::Broken);
        }
        self.talk.end_chunks().await.map(|()| End::Whole)
    }

    /// The same as one body. It takes as long as its first letter; what breaks a stream breaks the body in half.
    async fn body(self) -> io::Result<End> {
        let (words, finish) = self.parts();
        let text = words.concat();
        let whole = self.voice.whole(&self.model, &text, finish, words.len());
        let half = &whole[..whole.floor_char_boundary(whole.len() / 2)];
        self.talk.wait(self.script.first.max(self.script.pace.min(A_WHILE))).await?;
        match self.script.twist.map(|(_, twist)| twist) {
            None | Some(Twist::BrokenLine | Twist::Twice | Twist::AfterFinish) => {
                if self.script.framing == Framing::UntilClose {
                    self.talk.body_until_close(&whole).await?;
                } else {
                    self.talk.reply(200, &whole).await?;
                }
                self.talk.note(&text, words.len());
                self.talk.note_end();
                Ok(if self.script.framing == Framing::UntilClose { End::Broken } else { End::Whole })
            }
            Some(Twist::BrokenBody | Twist::CleanEnd) => self.talk.reply(200, half).await.map(|()| End::Whole),
            Some(Twist::ErrorEvent) => {
                let failure = self.voice.failure().data;
                self.talk.reply(200, &failure).await.map(|()| End::Whole)
            }
            Some(twist) => {
                if self.script.framing == Framing::UntilClose {
                    self.talk.body_until_close(half).await?;
                } else {
                    self.talk.body_cut(half, whole.len()).await?;
                }
                match twist {
                    Twist::Reset => self.talk.reset()?,
                    Twist::Stall => self.talk.be_silent().await?,
                    _ => {}
                }
                Ok(End::Broken)
            }
        }
    }

    fn parts(&self) -> (Vec<String>, Finish) {
        match &self.script.says {
            Says::Words(words) => (words.clone(), Finish::Stop),
            Says::Tool(before) => (words(*before), Finish::Tool),
        }
    }
}

/// A body is not kept back for as long as all its words would take.
const A_WHILE: Duration = Duration::from_millis(100);
const AFTER_A_TOOL: usize = 6;
