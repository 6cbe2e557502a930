// SPDX-License-Identifier: MIT
// The products of q and k in attention.comp, summed in f32. attention_f16_sums.glsl gives the same
// names.
#define real  float
#define real4 vec4

// What q needs before its first product. Uniform.
void prepare_q()
{
}

// Elements of a row of the tile of q, one or four, as they are multiplied.
#define SHRUNK(row, x) (x)

void clear_products()
{
    UNROLL(i, MQ)
        UNROLL(j, MK)
            s[i][j] = 0.0;
}

void add_products(uint i, vec4 qx, vec4 kx[MK])
{
    UNROLL(j, MK)
        s[i][j] += qx.x * kx[j].x + qx.y * kx[j].y + qx.z * kx[j].z + qx.w * kx[j].w;
}

// After every RUN elements and the last.
void end_run()
{
}

// The score of a sum of row_of(i).
float scaled(uint i, float sum)
{
    return sum * a.scale;
}
