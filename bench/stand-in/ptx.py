"""PTX to C++, for driver.cpp: python3 ptx.py KERNEL.ptx > KERNEL.cpp

A register becomes a variable of its width, a label a label, an instruction a statement. What PTX rounds by approximation
(`ex2.approx`, `rsqrt.approx` and others) the host computes in full. What is not known here stops the translation: better
than a number that looks right.
"""

import re
import sys

PRELUDE = r"""
#include <cmath>
#include <cstdint>
#include <cstring>
using u8 = uint8_t; using u16 = uint16_t; using u32 = uint32_t; using u64 = uint64_t;
using s8 = int8_t; using s16 = int16_t; using s32 = int32_t; using s64 = int64_t;
struct Unit { u32 tid[3], ntid[3], ctaid[3], nctaid[3]; char *shared, *local; void (*meet)(); u64 instructions; };
template <class T> T load(u64 at) { T value; memcpy(&value, (void *)at, sizeof value); return value; }
template <class T> void store(u64 at, T value) { memcpy((void *)at, &value, sizeof value); }
template <class To, class From> To bits(From from) { To to; static_assert(sizeof to == sizeof from); memcpy(&to, &from, sizeof to); return to; }
template <class T> T to_whole(double value, double least, double most) {
    return value != value ? 0 : value <= least ? (T)least : value >= most ? (T)most : (T)value;
}
template <class T> T least(T a, T b) { return a != a ? b : b != b ? a : a < b ? a : b; }
template <class T> T most(T a, T b) { return a != a ? b : b != b ? a : a > b ? a : b; }
template <class T> T least_nan(T a, T b) { return a != a ? a : b != b ? b : a < b ? a : b; }
template <class T> T most_nan(T a, T b) { return a != a ? a : b != b ? b : a > b ? a : b; }
static u32 permuted(u32 a, u32 b, u32 choice) {
    u64 bytes = (u64)b << 32 | a;
    u32 result = 0;
    for (int i = 0; i < 4; i++) {
        u32 which = choice >> 4 * i & 15, byte = bytes >> 8 * (which & 7) & 255;
        result |= (which & 8 ? (byte & 128 ? 255 : 0) : byte) << 8 * i;
    }
    return result;
}
"""

SPECIAL = {
    f"%{name}.{axis}": f"unit->{name}[{i}]"
    for name in ("tid", "ntid", "ctaid", "nctaid")
    for i, axis in enumerate("xyz")
}
ROUNDED = {"rmi": "floor", "rpi": "ceil", "rzi": "trunc", "rni": "rint"}
COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
FLOATS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "fma": "std::fma({0}, {1}, {2})",
    "neg": "-{0}",
    "abs": "std::fabs({0})",
    "sqrt": "std::sqrt({0})",
    "rsqrt": "1 / std::sqrt({0})",
    "rcp": "1 / {0}",
    "ex2": "std::exp2({0})",
    "lg2": "std::log2({0})",
    "tanh": "std::tanh({0})",
    "sin": "std::sin({0})",
    "cos": "std::cos({0})",
    "copysign": "std::copysign({1}, {0})",
}
# {n}: the width in bits.
WHOLES = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "mad": "{0} * {1} + {2}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "not": "~{0}",
    "neg": "0 - {0}",
    "div": "({1} ? {0} / {1} : -1)",
    "rem": "({1} ? {0} % {1} : {0})",
    "min": "({0} < {1} ? {0} : {1})",
    "max": "({0} > {1} ? {0} : {1})",
    "abs": "({0} < 0 ? -{0} : {0})",
    "prmt": "permuted({0}, {1}, {2})",
    "popc": "__builtin_popcountll({0})",
}
BOOLS = {"and": "{0} && {1}", "or": "{0} || {1}", "xor": "{0} != {1}", "not": "!{0}"}


class Unknown(Exception):
    """Something that is not translated."""


def width(kind):
    return 8 if kind == "pred" else int(kind[1:])


def ctype(kind):
    if kind == "pred":
        return "bool"
    if kind[0] == "f":
        return {"f32": "float", "f64": "double"}[kind]
    return ("s" if kind[0] == "s" else "u") + kind[1:]


def identifier(name):
    return name.replace("%", "r_").replace("$", "l_").replace(".", "_")


def operands(text):
    """What commas outside brackets separate."""
    return [part.strip() for part in re.split(r",(?![^{\[]*[}\]])", text) if part.strip()]


def vector(operand):
    return operands(operand[1:-1]) if operand.startswith("{") else [operand]


class Kernel:
    def __init__(self, parameters, symbols):
        self.parameters, self.symbols, self.meets = parameters, symbols, False

    def raw(self, operand):
        """The bits of an operand, as a whole number or a bool."""
        if operand in SPECIAL:
            return SPECIAL[operand]
        if operand.startswith("%"):
            return identifier(operand)
        if operand in self.symbols:
            return self.symbols[operand]
        if match := re.fullmatch(r"0[fF]([0-9a-fA-F]{8})", operand):
            return f"0x{match[1]}u"
        if match := re.fullmatch(r"0[dD]([0-9a-fA-F]{16})", operand):
            return f"0x{match[1]}ull"
        if re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|\d+)U?", operand):
            return f"(u64){int(operand.rstrip('U'), 0) % 2**64}ull"
        raise Unknown(f"operand {operand}")

    def value(self, operand, kind):
        raw = self.raw(operand)
        if kind[0] == "f":
            return f"bits<{ctype(kind)}>((u{kind[1:]})({raw}))"
        return f"({ctype(kind)})({raw})"

    def assigned(self, target, expression, kind):
        if kind[0] == "f":
            expression = f"bits<u{kind[1:]}>(({ctype(kind)})({expression}))"
        return f"{identifier(target)} = {expression};"

    def address(self, operand):
        base, offset = re.fullmatch(r"\[\s*([^\s+]+)\s*(?:\+\s*(-?\d+))?\s*\]", operand).groups()
        if base in self.parameters:
            return f"((u64)arguments[{self.parameters.index(base)}] + {offset or 0})"
        return f"((u64)({self.raw(base)}) + {offset or 0})"

    def statement(self, line):
        if match := re.fullmatch(r"@(!?)(%\w+)\s+(.*)", line):
            return f"if ({match[1]}{identifier(match[2])}) {{ {self.statement(match[3])} }}"
        operation, _, rest = line.partition(" ")
        name, *modifiers = operation.split(".")
        return self.instruction(name, modifiers, operands(rest))

    def instruction(self, name, modifiers, given):
        kind = modifiers[-1] if modifiers else ""
        if name == "bra":
            return f"goto {identifier(given[0])};"
        if name in ("ret", "exit"):
            return "{ unit->instructions = instructions; return; }"
        if name in ("bar", "barrier"):
            self.meets = True
            return "unit->meet();"
        if name == "mov":
            return self.moved(given, kind)
        if name == "ld":
            reads = " ".join(f"auto v{i} = load<{'u' if kind[0] in 'fb' else kind[0]}{kind[1:]}>({self.address(given[1])} + {i * width(kind) // 8});" for i in range(len(vector(given[0]))))
            return "{ " + reads + " " + " ".join(f"{identifier(x)} = v{i};" for i, x in enumerate(vector(given[0])) if x != "_") + " }"
        if name == "st":
            return " ".join(f"store<u{kind[1:]}>({self.address(given[0])} + {i * width(kind) // 8}, {self.raw(x)});" for i, x in enumerate(vector(given[1])))
        if name == "cvta":
            return f"{identifier(given[0])} = {self.raw(given[1])};"
        if name == "cvt":
            return self.converted(modifiers, given)
        if name == "setp":
            return self.compared(modifiers, given)
        if name == "selp":
            first, second, choice = (self.raw(x) for x in given[1:])
            return f"{identifier(given[0])} = {choice} ? (u64)({first}) : (u64)({second});"
        if kind == "pred":
            return self.assigned(given[0], BOOLS[name].format(*(self.raw(x) for x in given[1:])), kind)
        if kind in ("f32", "f64"):
            values = [self.value(x, kind) for x in given[1:]]
            if name in ("min", "max"):
                function = {"min": "least", "max": "most"}[name] + ("_nan" if "NaN" in modifiers else "")
                return self.assigned(given[0], f"{function}({values[0]}, {values[1]})", kind)
            if name in FLOATS:
                return self.assigned(given[0], FLOATS[name].format(*values), kind)
        elif kind[:1] in ("u", "s", "b"):
            return self.whole(name, modifiers, kind, given)
        raise Unknown(f"{name}.{'.'.join(modifiers)}")

    def moved(self, given, kind):
        target, source = given
        if target.startswith("{"):
            parts = vector(target)
            bits = width(kind) // len(parts)
            return " ".join(f"{identifier(x)} = (u{bits})({self.raw(source)} >> {i * bits});" for i, x in enumerate(parts) if x != "_")
        if source.startswith("{"):
            parts = vector(source)
            bits = width(kind) // len(parts)
            return f"{identifier(target)} = {' | '.join(f'(u64)(u{bits})({self.raw(x)}) << {i * bits}' for i, x in enumerate(parts))};"
        return f"{identifier(target)} = {self.raw(source)};"

    def converted(self, modifiers, given):
        *how, to, of = modifiers
        value = self.value(given[1], of)
        rounding = next((ROUNDED[x] for x in how if x in ROUNDED), None)
        if of[0] == "f" and rounding:
            value = f"std::{rounding}({value})"
        if of[0] == "f" and to[0] != "f":
            low, high = (-(2.0 ** (width(to) - 1)), 2.0 ** (width(to) - 1) - 1) if to[0] == "s" else (0.0, 2.0 ** width(to) - 1)
            return self.assigned(given[0], f"to_whole<{ctype(to)}>({value}, {low!r}, {high!r})", to)
        if "sat" in how:
            value = f"({value} > 0 ? {value} < 1 ? {value} : 1 : 0)"
        return self.assigned(given[0], f"({ctype(to)})({value})", to)

    def compared(self, modifiers, given):
        comparison, *more = modifiers
        kind = more[-1]
        first, second = self.value(given[1], kind), self.value(given[2], kind)
        if kind[0] == "f":
            unordered = f"({first} != {first} || {second} != {second})"
            if comparison == "nan":
                result = unordered
            elif comparison == "num":
                result = f"!{unordered}"
            elif comparison not in COMPARED:
                result = f"({unordered} || {first} {COMPARED[comparison[:-1]]} {second})"
            else:
                result = f"(!{unordered} && {first} {COMPARED[comparison]} {second})"
        else:
            result = f"({first} {COMPARED[comparison]} {second})"
        combined = "{0}"
        if len(given) > 3:
            how = next(BOOLS[x] for x in more if x in BOOLS)
            combined = how.format("{0}", re.sub(r"%\w+", lambda x: identifier(x[0]), given[3]))
        targets = given[0].split("|")
        statements = [f"{identifier(targets[0])} = {combined.format('found')};"]
        if len(targets) > 1:
            statements.append(f"{identifier(targets[1])} = {combined.format('!found')};")
        return f"{{ bool found = {result}; {' '.join(statements)} }}"

    def whole(self, name, modifiers, kind, given):
        bits, raw = width(kind), [self.raw(x) for x in given[1:]]
        values = [self.value(x, kind) for x in given[1:]]
        if "wide" in modifiers:
            wide = f"{kind[0]}{2 * bits}"
            expression = f"({wide}){values[0]} * ({wide}){values[1]}"
            if name == "mad":
                expression += f" + ({wide})({raw[2]})"
        elif "hi" in modifiers and name == "mul":
            wide = {32: f"{kind[0]}64", 64: "__int128" if kind[0] == "s" else "unsigned __int128"}[bits]
            expression = f"({wide}){values[0]} * ({wide}){values[1]} >> {bits}"
        elif name == "shl":
            expression = f"((u32)({raw[1]}) < {bits} ? ({ctype(kind)})({raw[0]}) << (u32)({raw[1]}) : 0)"
        elif name == "shr":
            beyond = f"({values[0]} < 0 ? -1 : 0)" if kind[0] == "s" else "0"
            expression = f"((u32)({raw[1]}) < {bits} ? {values[0]} >> (u32)({raw[1]}) : {beyond})"
        elif name == "shf" and "wrap" in modifiers:
            both = f"((u64)({raw[1]}) << 32 | (u32)({raw[0]}))"
            shift = f"((u32)({raw[2]}) & 31)"
            expression = f"({both} << {shift}) >> 32" if "l" in modifiers else f"{both} >> {shift}"
        elif name == "bfe" and kind[0] == "u":
            expression = f"({values[0]} >> (u32)({raw[1]})) & ((1ull << (u32)({raw[2]})) - 1)"
        elif name == "clz":
            expression = f"({values[0]} ? __builtin_clzll((u64){values[0]}) - {64 - bits} : {bits})"
        elif name == "lop3":
            table = int(given[4], 0)
            terms = [" & ".join(("" if row & bit else "~") + x for bit, x in zip((4, 2, 1), values)) for row in range(8) if table >> row & 1]
            expression = " | ".join(f"({x})" for x in terms) or "0"
        elif name in WHOLES:
            if name in ("add", "sub", "mul", "mad", "neg"):
                values = [f"(u{max(bits, 32)})({x})" for x in raw]
            expression = WHOLES[name].format(*values)
        else:
            raise Unknown(f"{name}.{'.'.join(modifiers)}")
        kind = kind if "wide" not in modifiers else f"{kind[0]}{2 * bits}"
        return self.assigned(given[0], f"({ctype(kind)})({expression})", kind)


def body_of(source, start):
    """What stands between the brace before `start` and the one that closes it."""
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(source[end], 0)
        end += 1
    return source[start : end - 1]


def items_of(body):
    """Labels, and instructions without their semicolons."""
    for part in body.split(";"):
        part = " ".join(part.split())
        while match := re.match(r"(\$[\w$]+):\s*", part):
            yield "label", match[1]
            part = part[match.end() :]
        if part and not part.startswith("."):
            yield "instruction", part


def translated(source):
    source = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*\.(loc|file)\b[^\n]*", "", source, flags=re.S | re.M)
    symbols, out = {}, [PRELUDE]
    for bits, name, count, initial in re.findall(r"\.global\s+\.align\s+\d+\s+\.b(\d+)\s+([\w$]+)(?:\[(\d+)\])?\s*(?:=\s*([^;]*))?;", source):
        initial = initial.strip().strip("{}")
        out.append(f"static u{bits} {identifier(name)}[{count or 1}] = {{{initial}}};")
        symbols[name] = f"(u64){identifier(name)}"
    for entry in re.finditer(r"\.entry\s+([\w$]+)\s*\((.*?)\)[^{]*\{", source, flags=re.S):
        name, body = entry[1], body_of(source, entry.end())
        parameters = [re.search(r"([\w$]+)(?:\[\d+\])?$", x)[1] for x in operands(entry[2])]
        registers, known, local, shared = [], dict(symbols), 0, 0
        for kind, register, count in re.findall(r"\.reg\s+\.(\w+)\s+(%\w+)(?:<(\d+)>)?\s*;", body):
            names = [f"{identifier(register)}{i}" for i in range(int(count))] if count else [identifier(register)]
            kind = "bool" if kind == "pred" else f"u{kind[1:]}"
            registers += [f"{kind} {', '.join(f'{x} = 0' for x in names)};"]
        for symbol, bytes_ in re.findall(r"\.local\s+\.align\s+\d+\s+\.b8\s+([\w$]+)\[(\d+)\]", body):
            known[symbol] = f"(u64)unit->local + {local}"
            local += (int(bytes_) + 15) // 16 * 16
        for symbol, bytes_ in re.findall(r"\.shared\s+\.align\s+\d+\s+\.b8\s+([\w$]+)\[(\d*)\]", source):
            known[symbol] = f"(u64)unit->shared + {shared}"
            shared += (int(bytes_ or 0) + 15) // 16 * 16
        kernel, statements, counted = Kernel(parameters, known), [], None
        for what, text in items_of(body):
            if what == "label":
                statements.append(f"{identifier(text)}:;")
                counted = None
                continue
            if counted is None:
                # One addition for all instructions up to the next place where control may go elsewhere.
                counted = len(statements)
                statements.append(0)
            statements[counted] += 1
            statements.append(kernel.statement(text))
            if re.search(r"(^|\s)(bra|ret|exit)\b", text):
                counted = None
        lines = [f"instructions += {x};" if isinstance(x, int) else x for x in statements]
        out += [f'extern "C" void kernel_{name}(Unit *unit, void **arguments) {{', "u64 instructions = 0;", *registers, *lines]
        out += ["unit->instructions = instructions;", "}", f'extern "C" int meets_{name} = {int(kernel.meets)}, local_{name} = {local};']
    return "\n".join(out)


if __name__ == "__main__":
    try:
        with open(sys.argv[1]) as ptx:
            print(translated(ptx.read()))
    except Unknown as error:
        sys.exit(f"{sys.argv[1]}: not translated: {error}")
