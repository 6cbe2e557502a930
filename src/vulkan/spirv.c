// SPDX-License-Identifier: MIT
// Reads from a SPIR-V module what it needs of a device once its specialization constants have
// values: drivers do not tell, and accept too much silently. Declarations stand before their uses
// in a module, so one pass over it knows everything. And moves the bindings of a module. Numbers
// are the SPIR-V specification's.
#include "vk.h"

#include <stdlib.h>

enum { HEADER_WORDS = 5, BOUND_WORD = 3, MAX_BOUND = 1 << 20 };
enum { DECORATION_SPEC_ID = 1, DECORATION_BINDING = 33 };
enum { STORAGE_WORKGROUP = 4, CAPABILITY_FLOAT16 = 9, CAPABILITY_16BIT_STORAGE = 4433 };

enum op {
    OP_CAPABILITY = 17,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_TYPE_VECTOR = 23,
    OP_TYPE_ARRAY = 28,
    OP_TYPE_STRUCT = 30,
    OP_TYPE_POINTER = 32,
    OP_CONSTANT = 43,
    OP_SPEC_CONSTANT = 50,
    OP_SPEC_CONSTANT_COMPOSITE = 51,
    OP_SPEC_CONSTANT_OP = 52,
    OP_FUNCTION = 54,
    OP_VARIABLE = 59,
    OP_DECORATE = 71,
    OP_COMPOSITE_EXTRACT = 81,
    OP_I_ADD = 128,
    OP_I_SUB = 130,
    OP_I_MUL = 132,
    OP_U_DIV = 134,
    OP_U_MOD = 137,
    OP_SELECT = 169,
    OP_I_EQUAL = 170,
    OP_U_GREATER_THAN = 172,
    OP_U_LESS_THAN = 176,
    OP_U_LESS_EQUAL = 178,
    OP_BITWISE_OR = 197,
};

// What is known of an id.
struct fact {
    uint32_t value;        // of a constant; bytes of a type, or of what a pointer type points to
    uint32_t spec;         // specialization constant, plus one
    const uint32_t *parts; // ids that a composite constant is made of
};

struct reader {
    struct fact *facts;
    uint32_t bound;
    const uint32_t *consts;
    uint32_t n_consts;
    struct vk_needs needs;
};

static struct fact *fact_of(struct reader *r, uint32_t id)
{
    return &r->facts[id < r->bound ? id : 0]; // 0 is no id
}

static uint32_t value_of(struct reader *r, uint32_t id)
{
    return fact_of(r, id)->value;
}

static uint32_t binary(uint32_t op, uint32_t x, uint32_t y)
{
    switch (op) {
    case OP_I_ADD:
        return x + y;
    case OP_I_SUB:
        return x - y;
    case OP_I_MUL:
        return x * y;
    case OP_U_DIV:
        return y ? x / y : 0;
    case OP_U_MOD:
        return y ? x % y : 0;
    case OP_I_EQUAL:
        return x == y;
    case OP_U_GREATER_THAN:
        return x > y;
    case OP_U_LESS_THAN:
        return x < y;
    case OP_U_LESS_EQUAL:
        return x <= y;
    case OP_BITWISE_OR:
        return x | y;
    default:
        return 0;
    }
}

// w: word count and opcode, type, result, operation, its operands.
static uint32_t constant_op(struct reader *r, const uint32_t *w, uint32_t n)
{
    const struct fact *composite = fact_of(r, w[4]);
    if (n < 6)
        return value_of(r, w[4]);
    if (w[3] == OP_COMPOSITE_EXTRACT)
        return composite->parts != NULL && w[5] < 3 ? value_of(r, composite->parts[w[5]]) : 0;
    if (w[3] == OP_SELECT)
        return n < 7 ? 0 : value_of(r, value_of(r, w[4]) ? w[5] : w[6]);
    return binary(w[3], value_of(r, w[4]), value_of(r, w[5]));
}

static uint32_t struct_size(struct reader *r, const uint32_t *w, uint32_t n)
{
    uint32_t size = 0;
    for (uint32_t i = 2; i < n; i++)
        size += value_of(r, w[i]);
    return size;
}

static uint32_t constant_value(struct reader *r, const uint32_t *w)
{
    uint32_t spec = fact_of(r, w[2])->spec;
    return spec != 0 && spec - 1 < r->n_consts ? r->consts[spec - 1] : w[3];
}

// One declaration of n >= 3 words.
static void read_declaration(struct reader *r, const uint32_t *w, uint32_t n)
{
    switch (w[0] & 0xffffu) {
    case OP_DECORATE:
        if (w[2] == DECORATION_SPEC_ID && n > 3)
            fact_of(r, w[1])->spec = w[3] + 1;
        break;
    case OP_TYPE_INT:
    case OP_TYPE_FLOAT:
        fact_of(r, w[1])->value = w[2] / 8;
        break;
    case OP_TYPE_STRUCT:
        fact_of(r, w[1])->value = struct_size(r, w, n);
        break;
    case OP_TYPE_VECTOR:
        if (n > 3)
            fact_of(r, w[1])->value = value_of(r, w[2]) * w[3];
        break;
    case OP_TYPE_ARRAY:
        if (n > 3)
            fact_of(r, w[1])->value = value_of(r, w[2]) * value_of(r, w[3]);
        break;
    case OP_TYPE_POINTER:
        if (n > 3)
            fact_of(r, w[1])->value = value_of(r, w[3]);
        break;
    case OP_CONSTANT:
    case OP_SPEC_CONSTANT:
        if (n > 3)
            fact_of(r, w[2])->value = constant_value(r, w);
        break;
    case OP_SPEC_CONSTANT_COMPOSITE:
        fact_of(r, w[2])->parts = n >= 6 ? w + 3 : NULL;
        break;
    case OP_SPEC_CONSTANT_OP:
        if (n > 4)
            fact_of(r, w[2])->value = constant_op(r, w, n);
        break;
    case OP_VARIABLE:
        if (n > 3 && w[3] == STORAGE_WORKGROUP)
            r->needs.local_size += value_of(r, w[1]);
        break;
    default:
        break;
    }
}

static void read_capability(struct reader *r, uint32_t capability)
{
    r->needs.f16_math |= capability == CAPABILITY_FLOAT16;
    r->needs.f16_storage |= capability == CAPABILITY_16BIT_STORAGE;
}

static void read_module(struct reader *r, const uint32_t *words, size_t n_words)
{
    for (size_t i = HEADER_WORDS; i < n_words;) {
        uint32_t op = words[i] & 0xffffu, n = words[i] >> 16;
        // What is declared inside functions is not Workgroup memory.
        if (n == 0 || n > n_words - i || op == OP_FUNCTION)
            break;
        if (op == OP_CAPABILITY && n == 2)
            read_capability(r, words[i + 1]);
        if (n >= 3)
            read_declaration(r, words + i, n);
        i += n;
    }
}

struct vk_needs gyre_vk_shader_needs(const struct vk_shader *shader, const uint32_t *consts,
                                     uint32_t n_consts)
{
    struct reader r = {.consts = consts, .n_consts = n_consts};
    size_t n_words = shader->size / sizeof(uint32_t);
    if (n_words < HEADER_WORDS || shader->words[BOUND_WORD] == 0 ||
        shader->words[BOUND_WORD] > MAX_BOUND)
        return r.needs;
    r.bound = shader->words[BOUND_WORD];
    r.facts = calloc(r.bound, sizeof(*r.facts));
    if (r.facts != NULL)
        read_module(&r, shader->words, n_words);
    free(r.facts);
    return r.needs;
}

void gyre_vk_shader_unbind(struct vk_shader *shader, uint32_t absent)
{
    const uint32_t first_there = (uint32_t)__builtin_ctz(~absent);
    const size_t n_words = shader->size / sizeof(uint32_t);
    for (size_t i = HEADER_WORDS; i < n_words;) {
        uint32_t *w = shader->words + i, op = w[0] & 0xffffu, n = w[0] >> 16;
        if (n == 0 || n > n_words - i || op == OP_FUNCTION)
            break;
        if (op == OP_DECORATE && n == 4 && w[2] == DECORATION_BINDING && w[3] < GYRE_MAX_BUFS &&
            (absent >> w[3] & 1u) != 0)
            w[3] = first_there;
        i += n;
    }
}
