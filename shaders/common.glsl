// SPDX-License-Identifier: MIT
// What every shader begins with: the work-group, the arguments, and elements in storage. Numbers of
// a kernel are specialization constants, number 0 being WG; dtypes and features are defines.
//
// 16-bit elements are integers here, converted by hand: drivers round as they like otherwise, and
// nothing but 16-bit storage is asked of the device.
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_16bit_storage : enable
#include "args/types.h"

// Has the driver keep NaN, infinities and signs of zeros. Where it cannot, or the compiler of the
// shaders does not know the device, this is left to its habits.
#ifdef KEEP_NAN
#extension GL_EXT_spirv_intrinsics : require
spirv_execution_mode(extensions = ["SPV_KHR_float_controls"], capabilities = [4466], 4461, 32);
#endif

layout(local_size_x_id = 0) in;
#define WG gl_WorkGroupSize.x

// A loop over i below n, unrolled by every driver: older ones of Mali's cannot where i is counted
// at the loop's end, and arrays then pass through registers element by element.
#define UNROLL(i, n) [[unroll]] for (uint i = ~0u; ++i < (n);)

// Arguments up to 128 bytes are push constants, others a uniform buffer behind the kernel's own:
// compilers know ways to it that take no registers.
#ifdef ARGS_BINDING
#define ARGS(type)                                                                                 \
    layout(set = 0, binding = ARGS_BINDING, std140) uniform Args                                   \
    {                                                                                              \
        type a;                                                                                    \
    }
#else
#define ARGS(type)                                                                                 \
    layout(push_constant, std430) uniform Args                                                     \
    {                                                                                              \
        type a;                                                                                    \
    }
#endif

// A buffer `name` of elements. Bytes are read out of words: 8-bit storage is rarer still.
#define BUFFER(number, access, block, type, name)                                                  \
    layout(set = 0, binding = number, std430) access buffer block                                  \
    {                                                                                              \
        type name[];                                                                               \
    }

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

// For a dtype that is a define; numbers as in args/types.h: 0 f32, 1 f16, 2 bf16, 5 bytes, 6 bits,
// 9 none.
#define TYPE(dtype)                 PASTE(type_, dtype)
#define LOAD(dtype, buf, i)         PASTE(load_, dtype)(buf, i)
#define STORE(dtype, buf, i, value) PASTE(store_, dtype)(buf, i, value)

#define type_0 float
#define type_1 uint16_t
#define type_2 uint16_t
#define type_5 uint
#define type_6 uint
#define type_9 uint

#define load_0(buf, i) buf[i]
#define load_1(buf, i) f16_value(uint(buf[i]))
#define load_2(buf, i) uintBitsToFloat(uint(buf[i]) << 16)
#define load_5(buf, i) float(bitfieldExtract(buf[(i) >> 2], int((i)&3u) * 8, 8))

// Bit number `bit` of the bits that begin at byte `begin`, the lowest bit of a byte first.
#define LOAD_BIT(buf, begin, bit)                                                                  \
    bitfieldExtract(buf[((begin) + (bit) / 8u) >> 2], int(((begin) * 8u + (bit)) % 32u), 1)

#define store_0(buf, i, value) buf[i] = value
#define store_1(buf, i, value) buf[i] = uint16_t(f16_bits(value))
#define store_2(buf, i, value) buf[i] = uint16_t(bf16_bits(value))

// To nearest even; a NaN stays one.
uint bf16_bits(float value)
{
    uint bits = floatBitsToUint(value);
    bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    return is_nan ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

// By integers: unpackHalf2x16 may flush subnormals, which are ordinary numbers in f32: what their
// digits add to 2^-14.
float f16_value(uint bits)
{
    uint rest = bits << 17 >> 4; // exponent and digits, where f32 has them
    uint bias = rest < 0x0f800000u ? 112u << 23 : 224u << 23; // infinities and NaN stay such
    uint abs_bits = rest < 0x00800000u ? floatBitsToUint(uintBitsToFloat(rest + (113u << 23)) -
                                                         uintBitsToFloat(113u << 23))
                                       : rest + bias;
    return uintBitsToFloat(bits >> 15 << 31 | abs_bits);
}

// To nearest even, subnormals included; a NaN stays one.
uint f16_bits(float value)
{
    uint bits = floatBitsToUint(value), sign = bits >> 16 & 0x8000u, abs_bits = bits & 0x7fffffffu;
    if (abs_bits > 0x7f800000u)
        return sign | 0x7e00u;
    // Bits that are dropped: 13, and more below the smallest normal number, 2^-14.
    uint exponent = abs_bits >> 23;
    uint dropped = exponent < 113u ? min(126u - exponent, 31u) : 13u;
    uint kept = exponent < 113u ? (abs_bits & 0x7fffffu | 0x800000u) : abs_bits - (112u << 23);
    uint rounded = (kept + (1u << (dropped - 1u)) - 1u + (kept >> dropped & 1u)) >> dropped;
    return sign | min(rounded, 0x7c00u);
}

// Element i of a list of which the arguments say 1 + where it begins, or 0 for absent.
#define LISTED(first, list, i, absent) ((first) != 0u ? list[(first)-1u + (i)] : (absent))

#define NEG_INF uintBitsToFloat(0xff800000u)

// By its bits: a driver may take floats for finite.
bool is_neg_inf(float x)
{
    return floatBitsToUint(x) == 0xff800000u;
}

bool is_pos_inf(float x)
{
    return floatBitsToUint(x) == 0x7f800000u;
}

// Element where row (i, j, k) of tensor x begins.
#define ROW(x, i, j, k)                                                                            \
    (a.x##_offset + (i)*a.x##_stride[0] + (j)*a.x##_stride[1] + (k)*a.x##_stride[2])
