//! The label's `selection`: read into a tree, checked, printed again for a dialect.
//!
//! The decision: it is parsed, never pasted. What a template may say is the common part of the five dialects; what they
//! write differently (`if`, `"text"`, `nvl`, whole-number division, conditions as values) is printed as each understands it.

mod check;
mod lex;
mod parse;
mod print;

pub use self::print::print;

pub(super) use self::check::check;
pub(super) use self::parse::parse;

/// Where in the text something is wrong, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Characters before it.
    pub at: usize,
    /// What was expected and what was there.
    pub message: String,
    /// A known name close to the unknown one.
    pub nearest: Option<String>,
}

impl Complaint {
    fn new(at: usize, message: impl Into<String>) -> Complaint {
        Complaint {
            at,
            message: message.into(),
            nearest: None,
        }
    }
}

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `OR`.
    Or,
    /// `AND`.
    And,
    /// `=`, also `==`.
    Equal,
    /// `<>`, also `!=`.
    Unequal,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    More,
    /// `>=`.
    MoreEqual,
    /// `+`.
    Plus,
    /// `-`.
    Minus,
    /// `*`.
    Times,
    /// `/`, always with a fraction.
    Over,
    /// `%`.
    Modulo,
}

impl Binary {
    /// How it is written, and how tightly it binds.
    fn form(self) -> (&'static str, u8) {
        match self {
            Binary::Or => ("OR", 1),
            Binary::And => ("AND", 2),
            Binary::Equal => ("=", 4),
            Binary::Unequal => ("<>", 4),
            Binary::Less => ("<", 4),
            Binary::LessEqual => ("<=", 4),
            Binary::More => (">", 4),
            Binary::MoreEqual => (">=", 4),
            Binary::Plus => ("+", 5),
            Binary::Minus => ("-", 5),
            Binary::Times => ("*", 6),
            Binary::Over => ("/", 6),
            Binary::Modulo => ("%", 6),
        }
    }

    fn is_condition(self) -> bool {
        self.form().1 <= 4
    }
}

/// A function that a selection may call.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// As a template writes it.
    pub name: &'static str,
    /// As all dialects write it.
    pub printed: &'static str,
    /// Fewest and most arguments.
    pub arguments: (usize, usize),
    /// Whether it makes one value of the grain's rows.
    pub aggregate: bool,
}

const fn function(
    name: &'static str,
    printed: &'static str,
    arguments: (usize, usize),
    aggregate: bool,
) -> Function {
    Function {
        name,
        printed,
        arguments,
        aggregate,
    }
}

/// All of them, `if` and `case` aside.
pub const FUNCTIONS: [Function; 12] = [
    function("max", "MAX", (1, 1), true),
    function("min", "MIN", (1, 1), true),
    function("sum", "SUM", (1, 1), true),
    function("avg", "AVG", (1, 1), true),
    function("count", "COUNT", (1, 1), true),
    function("coalesce", "COALESCE", (1, 16), false),
    function("nvl", "COALESCE", (2, 2), false),
    function("ifnull", "COALESCE", (2, 2), false),
    function("nullif", "NULLIF", (2, 2), false),
    function("abs", "ABS", (1, 1), false),
    function("lower", "LOWER", (1, 1), false),
    function("upper", "UPPER", (1, 1), false),
];

/// A node of the tree.
#[derive(Clone, Debug)]
pub enum Node {
    /// A number as it was written.
    Number(String),
    /// A string, without quotes and escapes.
    Text(String),
    /// `NULL`.
    Null,
    /// The `*` of `count(*)`.
    Star,
    /// A column of the behaviour table and where it stands.
    Column(String, usize),
    /// `-x`.
    Negative(Box<Node>),
    /// `NOT x`.
    Not(Box<Node>),
    /// Two values and what is between them.
    Binary(Binary, Box<Node>, Box<Node>),
    /// `x IS NULL`; negated or not.
    IsNull(Box<Node>, bool),
    /// `x IN (…)`; negated or not.
    In(Box<Node>, Vec<Node>, bool),
    /// `x BETWEEN a AND b`; negated or not.
    Between(Box<Node>, Box<(Node, Node)>, bool),
    /// `if(c, a, b)` and `CASE WHEN`.
    Case(Vec<(Node, Node)>, Option<Box<Node>>),
    /// A function, whether its argument is `DISTINCT`, its arguments, where it stands.
    Call(Function, bool, Vec<Node>, usize),
}

impl Node {
    /// Calls `each` on the nodes below.
    fn children<'n>(&'n self, each: &mut dyn FnMut(&'n Node)) {
        match self {
            Node::Number(_) | Node::Text(_) | Node::Null | Node::Star | Node::Column(..) => {}
            Node::Negative(x) | Node::Not(x) | Node::IsNull(x, _) => each(x),
            Node::Binary(_, left, right) => [left, right].into_iter().for_each(|x| each(x)),
            Node::In(x, list, _) => std::iter::once(&**x).chain(list).for_each(each),
            Node::Between(x, bounds, _) => [&**x, &bounds.0, &bounds.1].into_iter().for_each(each),
            Node::Case(branches, otherwise) => {
                branches.iter().flat_map(|(c, x)| [c, x]).for_each(&mut *each);
                otherwise.iter().for_each(|x| each(x));
            }
            Node::Call(_, _, list, _) => list.iter().for_each(each),
        }
    }

    /// The columns it reads, in order, with where they stand.
    #[must_use]
    pub fn columns(&self) -> Vec<(&str, usize)> {
        fn walk<'n>(node: &'n Node, found: &mut Vec<(&'n str, usize)>) {
            if let Node::Column(name, at) = node {
                found.push((name, *at));
            }
            node.children(&mut |child| walk(child, found));
        }
        let mut found = Vec::new();
        walk(self, &mut found);
        found
    }
}
