//! Arrays and scalars, as NumPy pickles them.

use pickle_stream::Opcode;

use super::{Generator, Kind};

impl Generator<'_> {
    /// Makes an array of one number, a scalar, or an array from a buffer.
    pub(super) fn numpy_value(&mut self) -> Kind {
        let numbers = self.bytes(8);
        let numbers = [numbers, &[0; 8][numbers.len()..]].concat();
        match self.up_to(2) {
            0 => {
                self.array_call();
                self.op(Opcode::Mark);
                self.number(1);
                self.shape(1);
                self.dtype("f8");
                self.bool_of(false);
                self.byte_string(&numbers, false);
                self.op(Opcode::Tuple);
                self.op(Opcode::Build);
            }
            1 => {
                self.global("numpy.core.multiarray", "scalar");
                self.op(Opcode::Mark);
                self.dtype("f8");
                self.byte_string(&numbers, false);
                self.op(Opcode::Tuple);
                self.op(Opcode::Reduce);
            }
            _ => {
                self.global("numpy._core.numeric", "_frombuffer");
                self.op(Opcode::Mark);
                self.byte_string(&numbers, true);
                self.dtype("i8");
                self.shape(1);
                self.text("C");
                self.op(Opcode::Tuple);
                self.op(Opcode::Reduce);
            }
        }
        Kind::Object
    }

    /// Makes an array of objects, and returns its length.
    pub(super) fn object_array(&mut self) -> usize {
        self.array_call();
        self.op(Opcode::Mark);
        self.number(1);
        self.op(Opcode::Mark);
        // The length comes before the elements and is known after them, so it is filled in at the
        // end.
        let at = self.out.len();
        self.line(Opcode::Int, "0");
        self.op(Opcode::Tuple);
        self.dtype("O8");
        self.bool_of(false);
        let len = self.elements();
        self.op(Opcode::Tuple);
        self.op(Opcode::Build);
        self.out.splice(at..at + 3, format!("I{len}\n").into_bytes());
        len
    }

    /// Makes the call `_reconstruct(ndarray, (0,), b"b")`.
    fn array_call(&mut self) {
        let core = ["numpy.core.multiarray", "numpy._core.multiarray"][self.up_to(1)];
        self.global(core, "_reconstruct");
        self.op(Opcode::Mark);
        self.global("numpy", "ndarray");
        self.shape(0);
        self.byte_string(b"b", false);
        self.op(Opcode::Tuple);
        self.op(Opcode::Reduce);
        self.maybe_memoize(Kind::Object);
    }

    /// Makes the tuple `(len,)`.
    fn shape(&mut self, len: i64) {
        self.op(Opcode::Mark);
        self.number(len);
        self.op(Opcode::Tuple);
    }

    fn bool_of(&mut self, value: bool) {
        self.line(Opcode::Int, if value { "01" } else { "00" });
    }

    fn dtype(&mut self, code: &str) {
        self.global("numpy", "dtype");
        self.op(Opcode::Mark);
        self.text(code);
        self.bool_of(false);
        self.bool_of(true);
        self.op(Opcode::Tuple);
        self.op(Opcode::Reduce);
        self.maybe_memoize(Kind::Object);
        let order = if code == "O8" { "|" } else { "<" };
        self.op(Opcode::Mark);
        self.number(3);
        self.text(order);
        for _ in 0..3 {
            self.op(Opcode::None);
        }
        for number in [-1, -1, if code == "O8" { 63 } else { 0 }] {
            self.number(number);
        }
        self.op(Opcode::Tuple);
        self.op(Opcode::Build);
    }
}
