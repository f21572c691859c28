//! Messages in and out, counted before they are decoded.
//!
//! The decision here: two bytes of a message can make a hundred in memory, so what a message holds is counted in its raw
//! bytes first, by a walk over its tags that allocates nothing.

use super::proto;
use crate::predict::MOST_PARTS;
use prost::Message;
use prost::bytes::{Buf, Bytes};
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// A codec for requests of type `Decode` (at the server) or answers (at the client).
#[derive(Debug)]
pub struct Counted<E, D>(PhantomData<(E, D)>);

/// See the module.
#[derive(Debug)]
pub struct CountedDecoder<D>(PhantomData<D>);

/// Writes messages.
#[derive(Debug)]
pub struct PlainEncoder<E>(PhantomData<E>);

/// A message that is counted by its shape.
pub trait Shaped {
    /// How its fields nest.
    const SHAPE: Shape;
}

/// How a message's fields nest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Answers, which come from a server that was chosen, and what has no fields.
    Trusted,
    /// `ExtractRequest`.
    Extract,
    /// `EmbedRequest`.
    Embed,
    /// `PredictRequest`.
    Predict,
    /// `Item`.
    Item,
    /// An entry of a map of values.
    Entry,
    /// `Value`.
    Value,
    /// `Ask` and the lists of texts: nothing nests.
    Flat,
    /// `Tags`.
    Tags,
}

impl Shape {
    /// The shape of a field, if it is a message.
    fn field(self, number: u64) -> Option<Shape> {
        match (self, number) {
            (Shape::Extract, 1) => Some(Shape::Predict),
            (Shape::Predict, 1 | 2) | (Shape::Item, 2) => Some(Shape::Entry),
            (Shape::Predict, 3) => Some(Shape::Item),
            (Shape::Embed, 3) | (Shape::Predict, 5) | (Shape::Value, 8) | (Shape::Tags, 1) => {
                Some(Shape::Flat)
            }
            (Shape::Item, 3) | (Shape::Entry, 2) => Some(Shape::Value),
            (Shape::Value, 9) => Some(Shape::Tags),
            _ => None,
        }
    }

    /// Adds the parts of `message` to `parts`: every field of varying length, and one for sixteen bytes of packed
    /// numbers. Stops beyond the bound and at what is no message; decoding tells that.
    fn count(self, mut message: &[u8], parts: &mut usize) {
        while let Some((number, wire)) = tag(&mut message) {
            let field = match wire {
                0 => varint(&mut message).map(|_| None),
                1 => take(&mut message, 8).map(|_| None),
                5 => take(&mut message, 4).map(|_| None),
                2 => varint(&mut message)
                    .and_then(|length| take(&mut message, length))
                    .map(Some),
                _ => None,
            };
            let Some(field) = field else { return };
            let Some(inside) = field else { continue };
            *parts += 1;
            if *parts > MOST_PARTS {
                return;
            }
            match self.field(number) {
                Some(shape) => shape.count(inside, parts),
                None if self == Shape::Value => *parts += inside.len() / 16,
                None => {}
            }
        }
    }
}

fn tag(message: &mut &[u8]) -> Option<(u64, u64)> {
    let tag = varint(message)?;
    Some((tag >> 3, tag & 7))
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'m>(message: &mut &'m [u8], length: u64) -> Option<&'m [u8]> {
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= message.len())?;
    let (field, rest) = message.split_at(length);
    *message = rest;
    Some(field)
}

impl Shaped for proto::PredictRequest {
    const SHAPE: Shape = Shape::Predict;
}

impl Shaped for proto::ExtractRequest {
    const SHAPE: Shape = Shape::Extract;
}

impl Shaped for proto::EmbedRequest {
    const SHAPE: Shape = Shape::Embed;
}

impl Shaped for proto::EmbedResponse {
    const SHAPE: Shape = Shape::Trusted;
}

impl Shaped for proto::StatusRequest {
    const SHAPE: Shape = Shape::Flat;
}

impl Shaped for proto::PredictResponse {
    const SHAPE: Shape = Shape::Trusted;
}

impl Shaped for proto::ExtractResponse {
    const SHAPE: Shape = Shape::Trusted;
}

impl Shaped for proto::StatusResponse {
    const SHAPE: Shape = Shape::Trusted;
}

/// Decodes what is within the bound.
fn decode<D: Message + Default + Shaped>(bytes: Bytes) -> Result<D, Status> {
    let mut parts = 0;
    if D::SHAPE != Shape::Trusted {
        D::SHAPE.count(&bytes, &mut parts);
    }
    if parts > MOST_PARTS {
        let message = format!("message: expected at most {MOST_PARTS} fields and values, got more");
        return Err(Status::invalid_argument(message));
    }
    D::decode(bytes).map_err(|fault| Status::invalid_argument(format!("message: {fault}")))
}

impl<E, D> Default for Counted<E, D> {
    fn default() -> Self {
        Counted(PhantomData)
    }
}

impl<E, D> Codec for Counted<E, D>
where
    E: Message + Send + 'static,
    D: Message + Default + Shaped + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = PlainEncoder<E>;
    type Decoder = CountedDecoder<D>;

    fn encoder(&mut self) -> Self::Encoder {
        PlainEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        CountedDecoder(PhantomData)
    }
}

impl<E: Message> Encoder for PlainEncoder<E> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, item: E, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer)
            .map_err(|fault| Status::internal(fault.to_string()))
    }
}

impl<D: Message + Default + Shaped> Decoder for CountedDecoder<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        decode(buffer.copy_to_bytes(buffer.remaining())).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts<M: Message + Shaped>(message: &M) -> usize {
        let mut parts = 0;
        M::SHAPE.count(&message.encode_to_vec(), &mut parts);
        parts
    }

    #[test]
    fn everything_that_is_allocated_is_counted() {
        let ints = |values: Vec<i64>| proto::Value {
            kind: Some(proto::value::Kind::Ints(proto::Ints { values })),
        };
        let texts = proto::Texts {
            values: vec![String::new(); 5],
        };
        let item = proto::Item {
            values: vec![proto::Value::default(), ints(vec![1; 160])],
            fields: [(
                "t".to_owned(),
                proto::Value {
                    kind: Some(proto::value::Kind::Texts(texts)),
                },
            )]
            .into(),
            ..proto::Item::default()
        };
        let request = proto::PredictRequest {
            items: vec![item, proto::Item::default()],
            ..Default::default()
        };
        // two items; a value, a list of ten sixteenths; an entry, its key, its value, a list, five texts
        assert_eq!(parts(&request), 2 + 1 + (2 + 160 / 16) + (4 + 5));
        let wrapped = proto::ExtractRequest {
            request: Some(request.clone()),
            readable: true,
        };
        assert_eq!(parts(&wrapped), 1 + parts(&request));
    }

    #[test]
    fn a_flood_of_empty_parts_is_refused_before_it_is_decoded() {
        let flood: Vec<u8> = [0x1a, 0x00].repeat(MOST_PARTS + 1);
        let refused = decode::<proto::PredictRequest>(flood.into()).unwrap_err();
        assert!(refused.message().contains("at most 500000"), "{refused}");
        let allowed: Vec<u8> = [0x1a, 0x00].repeat(1000);
        assert_eq!(
            decode::<proto::PredictRequest>(allowed.into())
                .unwrap()
                .items
                .len(),
            1000
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(decode::<proto::PredictRequest>(bytes.clone().into()));
            drop(decode::<proto::ExtractRequest>(bytes.into()));
        }

        #[test]
        fn items_are_never_more_than_what_is_counted(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = proto::PredictRequest::decode(&*bytes) {
                let held = message.items.len() + message.user.len() + message.asks.len() + message.item_fields.len()
                    + message.items.iter().map(|item| item.values.len() + item.fields.len()).sum::<usize>();
                let mut parts = 0;
                Shape::Predict.count(&bytes, &mut parts);
                prop_assert!(held <= parts, "{held} in {parts}");
            }
        }
    }
}
