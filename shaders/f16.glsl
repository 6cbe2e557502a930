// SPDX-License-Identifier: MIT
// 16-bit floats as such, instead of common.glsl's integers: for devices that compute in them.
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#undef type_1
#undef load_1
#undef store_1
#define type_1                 float16_t
#define load_1(buf, i)         float(buf[i])
#define store_1(buf, i, value) buf[i] = unpackFloat2x16(f16_bits(value)).x
