//! Reads tokens into an expression tree; knows the grammar and no catalogue.

use super::lexer::{Token, tokens};
use super::{MAX_DEPTH, MAX_LIST, MAX_TERMS, PredicateError};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Flag { at: usize, column: String },
    Compare { at: usize, column: String, operator: Operator, value: Operand },
    In { at: usize, column: String, values: Operand },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Operand>),
    Parameter(usize, String),
}

pub(super) fn parse(text: &str) -> Result<Expression, PredicateError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, terms: 0 };
    let tree = parser.any(0)?;
    match parser.peek() {
        Token::End => Ok(tree),
        _ => Err(parser.expected("`&&`, `||` or the end")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    terms: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(1, |(at, _)| *at)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        self.next += usize::from(found);
        found
    }

    fn accept_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Token::Name(n) if n == name);
        self.next += usize::from(found);
        found
    }

    fn expected(&self, expected: &'static str) -> PredicateError {
        PredicateError::Syntax { at: self.at(), expected, found: self.peek().describe() }
    }

    fn any(&mut self, depth: usize) -> Result<Expression, PredicateError> {
        let mut branches = vec![self.all(depth)?];
        while self.accept("||") {
            branches.push(self.all(depth)?);
        }
        // A single branch is itself: depth is what parentheses make, and not what the grammar passes through.
        Ok(if branches.len() == 1 { branches.remove(0) } else { Expression::Any(branches) })
    }

    fn all(&mut self, depth: usize) -> Result<Expression, PredicateError> {
        let mut branches = vec![self.unary(depth)?];
        while self.accept("&&") {
            branches.push(self.unary(depth)?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Expression::All(branches) })
    }

    fn unary(&mut self, depth: usize) -> Result<Expression, PredicateError> {
        // The parser calls itself, and so do binding and evaluation: the depth bounds the stack of all three.
        if depth > MAX_DEPTH {
            return Err(PredicateError::TooLarge { what: "its nesting", limit: MAX_DEPTH });
        }
        if self.accept("!") {
            return Ok(Expression::Not(Box::new(self.unary(depth + 1)?)));
        }
        if self.accept("(") {
            let inner = self.any(depth + 1)?;
            return if self.accept(")") { Ok(inner) } else { Err(self.expected("`)`")) };
        }
        // Counted here, where every comparison passes, in whatever form.
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(PredicateError::TooLarge { what: "the number of its terms", limit: MAX_TERMS });
        }
        let at = self.at();
        let Token::Name(column) = self.peek().clone() else {
            return Err(self.expected("an attribute name, `!` or `(`"));
        };
        self.next += 1;
        self.comparison(at, column)
    }

    fn comparison(&mut self, at: usize, column: String) -> Result<Expression, PredicateError> {
        if self.accept_name("in") {
            return Ok(Expression::In { at, column, values: self.list()? });
        }
        if self.accept_name("not") {
            if !self.accept_name("in") {
                return Err(self.expected("`in`"));
            }
            // `not in` is `!(… in …)`, so that a missing value is not in any list and passes.
            let inner = Expression::In { at, column, values: self.list()? };
            return Ok(Expression::Not(Box::new(inner)));
        }
        let operator = match self.peek() {
            Token::Symbol("==") => Operator::Equal,
            Token::Symbol("!=") => Operator::NotEqual,
            Token::Symbol("<") => Operator::Less,
            Token::Symbol("<=") => Operator::LessOrEqual,
            Token::Symbol(">") => Operator::Greater,
            Token::Symbol(">=") => Operator::GreaterOrEqual,
            _ => return Ok(Expression::Flag { at, column }),
        };
        self.next += 1;
        Ok(Expression::Compare { at, column, operator, value: self.literal()? })
    }

    fn list(&mut self) -> Result<Operand, PredicateError> {
        if matches!(self.peek(), Token::Parameter(_)) {
            return self.literal();
        }
        if !self.accept("[") {
            return Err(self.expected("`[` or a `$name`"));
        }
        let mut values = Vec::new();
        while !self.accept("]") {
            if !values.is_empty() && !self.accept(",") {
                return Err(self.expected("`,` or `]`"));
            }
            values.push(self.literal()?);
            // While reading: a list is not collected that would be refused.
            if values.len() > MAX_LIST {
                return Err(PredicateError::TooLarge { what: "the length of an `in` list", limit: MAX_LIST });
            }
        }
        Ok(Operand::List(values))
    }

    fn literal(&mut self) -> Result<Operand, PredicateError> {
        let at = self.at();
        match self.peek() {
            Token::Number(_) | Token::Text(_) | Token::Parameter(_) => {}
            Token::Name(name) if name == "true" || name == "false" => {}
            _ => return Err(self.expected("a number, a quoted text, true, false or a `$name`")),
        }
        Ok(match self.take() {
            Token::Number(number) => Operand::Number(number),
            Token::Text(text) => Operand::Text(text),
            Token::Parameter(name) => Operand::Parameter(at, name),
            token => Operand::Bool(token == Token::Name("true".to_owned())),
        })
    }
}
