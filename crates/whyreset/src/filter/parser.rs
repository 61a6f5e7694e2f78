//! Words to an expression, by pcap-filter's grammar: `not` binds tightest; `and` and `or` have
//! equal weight and associate to the left; a bare value takes the qualifiers before it
//! (`port 80 or 443`).

use std::net::{IpAddr, Ipv4Addr};

use super::lexer::{Word, words};
use super::{Direction, Filter, FilterError, Primitive};

/// Parentheses deeper than this are nobody's question.
const DEEPEST: usize = 64;

/// Reads an expression.
///
/// # Errors
/// The first word that does not fit, and what could stand there.
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    let mut parser = Parser {
        text,
        words: words(text),
        next: 0,
        last: None,
        depth: 0,
    };
    let filter = parser.expression()?;
    match parser.peek() {
        None => Ok(filter),
        Some((at, word)) => Err(parser.error(
            at,
            format!("{word:?} does not continue it; join with `and` or `or`"),
        )),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Host,
    Net,
    Port,
    PortRange,
}

struct Parser<'a> {
    text: &'a str,
    words: Vec<Word<'a>>,
    next: usize,
    /// Qualifiers of the last primitive, which a bare value takes over.
    last: Option<(Direction, Kind)>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.next).copied()
    }

    fn take(&mut self) -> Option<Word<'a>> {
        let word = self.peek();
        self.next += usize::from(word.is_some());
        word
    }

    fn error(&self, at: usize, why: impl Into<String>) -> FilterError {
        FilterError {
            text: self.text.to_owned(),
            at,
            why: why.into(),
        }
    }

    fn ended(&self, wanted: &str) -> FilterError {
        self.error(self.text.len(), format!("it ends where {wanted} is missing"))
    }

    fn expression(&mut self) -> Result<Filter, FilterError> {
        let mut left = self.term()?;
        while let Some((_, word)) = self.peek() {
            let join: fn(Box<Filter>, Box<Filter>) -> Filter = match word {
                "and" | "&&" => Filter::And,
                "or" | "||" => Filter::Or,
                _ => break,
            };
            self.next += 1;
            left = join(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Filter, FilterError> {
        match self.peek() {
            None => Err(self.ended("a condition")),
            Some((_, "not" | "!")) => {
                let mut count = 0;
                while matches!(self.peek(), Some((_, "not" | "!"))) {
                    self.next += 1;
                    count += 1;
                }
                let inner = self.term()?;
                Ok(if count % 2 == 1 {
                    Filter::Not(Box::new(inner))
                } else {
                    inner
                })
            }
            Some((at, "(")) => {
                self.next += 1;
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(self.error(at, "its parentheses are nested too deep"));
                }
                let inner = self.expression()?;
                self.depth -= 1;
                match self.take() {
                    Some((_, ")")) => Ok(inner),
                    Some((at, word)) => Err(self.error(at, format!("{word:?} stands where `)` is missing"))),
                    None => Err(self.ended("`)`")),
                }
            }
            Some(_) => self.primitive(),
        }
    }

    fn primitive(&mut self) -> Result<Filter, FilterError> {
        if let Some((_, "tcp")) = self.peek() {
            self.next += 1;
            // `tcp port 80`: the protocol qualifies what follows.
            if !self.qualifier_follows() {
                return Ok(Filter::Is(Direction::Any, Primitive::Tcp));
            }
        }
        let family = match self.peek() {
            Some((_, "ip")) => Some(false),
            Some((_, "ip6")) => Some(true),
            _ => None,
        };
        if let Some(v6) = family {
            self.next += 1;
            let of_family = Filter::Is(Direction::Any, Primitive::Family(v6));
            if !self.qualifier_follows() {
                return Ok(of_family);
            }
            return Ok(Filter::And(Box::new(of_family), Box::new(self.qualified()?)));
        }
        self.qualified()
    }

    fn qualifier_follows(&self) -> bool {
        matches!(
            self.peek(),
            Some((_, "src" | "dst" | "host" | "net" | "port" | "portrange"))
        )
    }

    fn qualified(&mut self) -> Result<Filter, FilterError> {
        let mut direction = None;
        if let Some((_, word @ ("src" | "dst"))) = self.peek() {
            direction = Some(if word == "src" {
                Direction::Source
            } else {
                Direction::Destination
            });
            self.next += 1;
            // `src or dst port 80` is pcap-filter's long way to say `port 80`.
            if let (Some((_, "or")), Some((_, "src" | "dst"))) =
                (self.peek(), self.words.get(self.next + 1).copied())
            {
                self.next += 2;
                direction = Some(Direction::Any);
            }
        }
        let kind = match self.peek() {
            Some((_, "host")) => Some(Kind::Host),
            Some((_, "net")) => Some(Kind::Net),
            Some((_, "port")) => Some(Kind::Port),
            Some((_, "portrange")) => Some(Kind::PortRange),
            _ => None,
        };
        self.next += usize::from(kind.is_some());
        let (direction, kind) = match (direction, kind, self.last) {
            (direction, Some(kind), _) => (direction.unwrap_or_default(), kind),
            (Some(direction), None, _) => (direction, Kind::Host),
            (None, None, Some(last)) => last,
            (None, None, None) => (Direction::Any, Kind::Host),
        };
        let Some((at, word)) = self.take() else {
            return Err(self.ended(match kind {
                Kind::Host => "an address",
                Kind::Net => "a prefix like 10.0.0.0/8",
                Kind::Port => "a port number",
                Kind::PortRange => "a range like 8000-8999",
            }));
        };
        let value = self.value(kind, at, word)?;
        self.last = Some((direction, kind));
        Ok(Filter::Is(direction, value))
    }

    fn value(&self, kind: Kind, at: usize, word: &str) -> Result<Primitive, FilterError> {
        let wrong = |wanted: &str| self.error(at, format!("{word:?} is not {wanted}"));
        match kind {
            Kind::Host => word.parse().map(Primitive::Host).map_err(|_| {
                wrong("an address, nor one of host, net, port, portrange, src, dst, ip, ip6, tcp (names are not looked up)")
            }),
            Kind::Port => word.parse().map(|port| Primitive::Ports(port, port)).map_err(|_| wrong("a port number (0-65535)")),
            Kind::PortRange => {
                let range = word.split_once('-').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
                match range {
                    Some((low, high)) if low <= high => Ok(Primitive::Ports(low, high)),
                    _ => Err(wrong("a port range like 8000-8999")),
                }
            }
            Kind::Net => prefix(word).ok_or_else(|| wrong("a prefix like 10.0.0.0/8, 192.168 or fd00::/8")),
        }
    }
}

/// `10.0.0.0/8`, `fd00::/8`, or an IPv4 address cut short (`192.168` is 192.168.0.0/16).
fn prefix(word: &str) -> Option<Primitive> {
    if let Some((address, bits)) = word.split_once('/') {
        let address: IpAddr = address.parse().ok()?;
        let bits: u8 = bits.parse().ok()?;
        return (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some(Primitive::Net(address, bits));
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some(Primitive::Net(address, if address.is_ipv4() { 32 } else { 128 }));
    }
    let mut octets = [0; 4];
    let parts: Vec<&str> = word.split('.').collect();
    for (octet, part) in octets.iter_mut().zip(&parts) {
        *octet = part.parse().ok()?;
    }
    let bits = u8::try_from(parts.len()).ok().filter(|count| *count <= 3)? * 8;
    Some(Primitive::Net(Ipv4Addr::from(octets).into(), bits))
}
