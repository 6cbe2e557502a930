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
    [[unroll]] for (uint i = 0; i < MQ; i++)
        [[unroll]] for (uint j = 0; j < MK; j++)
            s[i][j] = 0.0;
}

void add_products(vec4 qx[MQ], vec4 kx[MK])
{
    [[unroll]] for (uint i = 0; i < MQ; i++)
        [[unroll]] for (uint j = 0; j < MK; j++)
            s[i][j] += qx[i].x * kx[j].x + qx[i].y * kx[j].y + qx[i].z * kx[j].z +
                       qx[i].w * kx[j].w;
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
