//! A JSON object whose members stay as they were written: to change one member of a client's or an upstream's bytes
//! without touching, or even reading, the others. Keeps the order, and every number to the last digit.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use steadfast::Error;

#[derive(Debug)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Object<'a> {
    /// Fails with `VALIDATION` when this is no JSON object.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::validation("The request is not a JSON object.").with_source(error))
    }

    /// The JSON of a member; of the last one, when there are several of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().rev().find(|(key, _)| key == name).map(|(_, json)| json.as_ref())
    }

    pub(crate) fn has_at_most_one(&self, name: &str) -> bool {
        self.members.iter().filter(|(key, _)| key == name).count() < 2
    }

    /// Puts a member in the place of the one that was there, or at the end.
    pub fn set(&mut self, name: &'static str, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_string(value).map_err(not_json)?;
        match self.members.iter().position(|(key, _)| key == name) {
            Some(place) => {
                self.members[place].1 = Cow::Owned(json);
                let mut at = 0;
                self.members.retain(|(key, _)| {
                    at += 1;
                    key != name || at == place + 1
                });
            }
            None => self.members.push((Cow::Borrowed(name), Cow::Owned(json))),
        }
        Ok(())
    }

    pub fn remove(&mut self, name: &str) {
        self.members.retain(|(key, _)| key != name);
    }

    pub fn to_bytes(&self) -> Result<Bytes, Error> {
        let size = self.members.iter().map(|(key, json)| key.len() + json.len() + 8).sum::<usize>();
        let mut out = Vec::with_capacity(size + 2);
        out.push(b'{');
        for (place, (key, json)) in self.members.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, key).map_err(not_json)?;
            out.push(b':');
            out.extend_from_slice(json.as_bytes());
        }
        out.push(b'}');
        Ok(out.into())
    }
}

/// Any value of our own as JSON.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec(value).map(Bytes::from).map_err(not_json)
}

fn not_json(error: serde_json::Error) -> Error {
    Error::internal("a request could not be encoded").with_source(error)
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor).map(|members| Self { members })
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), json)) = object.next_entry::<Key<'de>, &'de RawValue>()? {
            members.push((key, Cow::Borrowed(json.get())));
        }
        Ok(members)
    }
}

/// Borrowed unless it holds an escape.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(json: &str, edit: impl FnOnce(&mut Object<'_>)) -> String {
        let mut object = Object::parse(json.as_bytes()).unwrap();
        edit(&mut object);
        String::from_utf8(object.to_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_member_is_changed_in_its_place_and_nothing_else() {
        let json = r#"{"a":1e400,"model":"x","b\n":0.10000000000000000001,"c":{ "d" : [1, 2] }}"#;
        assert_eq!(
            edited(json, |object| object.set("model", &"y").unwrap()),
            r#"{"a":1e400,"model":"y","b\n":0.10000000000000000001,"c":{ "d" : [1, 2] }}"#
        );
        assert_eq!(edited("{}", |object| object.set("stream", &true).unwrap()), r#"{"stream":true}"#);
        assert_eq!(edited(r#"{"a":1,"b":2}"#, |object| object.remove("a")), r#"{"b":2}"#);
    }

    #[test]
    fn a_name_that_stands_twice_is_changed_to_one() {
        let twice = r#"{"model":"x","a":1,"model":"z"}"#;
        assert_eq!(edited(twice, |object| object.set("model", &"y").unwrap()), r#"{"model":"y","a":1}"#);
        assert_eq!(Object::parse(twice.as_bytes()).unwrap().get("model"), Some(r#""z""#));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for json in ["", "[]", "1", "{", r#"{"a":1} x"#, "\u{0}"] {
            assert!(Object::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
