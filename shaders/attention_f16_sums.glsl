// SPDX-License-Identifier: MIT
// The products of q and k in attention.comp, summed in f16: four sums side by side, each of RUN / 4
// = 8 products, which are then added in f32.
//
// A row of q is shrunk by the power of two that brings its largest element into [2^-5, 2^-4). Then
// 8 products with elements of k, none larger than 65504, stay below half of that whatever they are:
// no sum overflows. The power goes back onto the sum in f32.
#define real  float16_t
#define real4 f16vec4

shared float q_shrink[TILE_Q];
float q_unit[MQ]; // its inverse, of this work-item's rows
real4 s_run[MQ][MK];

// The power of two that shrinks a row whose largest element is `most`.
float shrink_of(float most)
{
    // Exponents of f16's smallest and largest numbers; NaN and infinities stay what they are.
    uint exponent = clamp(floatBitsToUint(most) >> 23, 127u - 24u, 127u + 15u);
    return uintBitsToFloat((2u * 127u - 5u - exponent) << 23);
}

float inverse_power(float power)
{
    return uintBitsToFloat((2u * 127u << 23) - floatBitsToUint(power));
}

#define SHRUNK(row, x) ((x)*q_shrink[row])

void prepare_q()
{
    UNROLL(i, MQ) {
        uint begin = ROW(q, batch, q_token(row_query[row_of(i)]), row_head[row_of(i)]);
        float most = 0.0;
        for (uint d = tx; d < HEAD_DIM; d += TX)
            most = max(most, abs(LOAD(Q_DTYPE, q, begin + d)));
        leave_part(i, most);
    }
    barrier();
    UNROLL(i, MQ) {
        float shrink = shrink_of(row_max(row_of(i)));
        q_unit[i] = inverse_power(shrink);
        if (tx == 0u)
            q_shrink[row_of(i)] = shrink;
    }
    barrier(); // part may be written again
}

void clear_products()
{
    UNROLL(i, MQ)
        UNROLL(j, MK) {
            s[i][j] = 0.0;
            s_run[i][j] = real4(0.0);
        }
}

void add_products(uint i, real4 qx, real4 kx[MK])
{
    UNROLL(j, MK)
        s_run[i][j] += qx * kx[j];
}

void end_run()
{
    UNROLL(i, MQ)
        UNROLL(j, MK) {
            vec4 sums = vec4(s_run[i][j]);
            s[i][j] += (sums.x + sums.y) + (sums.z + sums.w);
            s_run[i][j] = real4(0.0);
        }
}

float scaled(uint i, float sum)
{
    return sum * q_unit[i] * a.scale;
}
