// SPDX-License-Identifier: MIT
// The sums of products of attention.comp: of q and k over elements in s, of weights and v over keys
// in o. Factors are `real`. With EXTRA_F16_SUMS these are f16, of q times scale, and so are sums of
// up to 32 products, which take_products and take_values then add to s and o.
#if EXTRAS & EXTRA_F16_SUMS
#define real           float16_t
#define real4          f16vec4
#define Q_FACTOR(t, x) t((x)*a.scale)

real4 s_part[MQ][MK], o_part[MQ][NV];

float scaled(float sum)
{
    return sum;
}

void clear_products()
{
    UNROLL(i, MQ)
        UNROLL(j, MK) {
            s[i][j] = 0.0;
            s_part[i][j] = real4(0.0);
        }
}

void add_products(uint i, real4 qx, real4 kx[MK])
{
    UNROLL(j, MK)
        s_part[i][j] += qx * kx[j];
}

void take_products()
{
    UNROLL(i, MQ)
        UNROLL(j, MK) {
            vec4 sums = vec4(s_part[i][j]);
            s[i][j] += (sums.x + sums.y) + (sums.z + sums.w);
            s_part[i][j] = real4(0.0);
        }
}

void clear_values()
{
    UNROLL(i, MQ)
        UNROLL(c, NV)
            o_part[i][c] = real4(0.0);
}

#define VALUES o_part

void take_values()
{
    UNROLL(i, MQ)
        UNROLL(c, NV)
            o[i][c] += vec4(o_part[i][c]);
}
#else
#define real           float
#define real4          vec4
#define Q_FACTOR(t, x) t(x)

float scaled(float sum)
{
    return sum * a.scale;
}

void clear_products()
{
    UNROLL(i, MQ)
        UNROLL(j, MK)
            s[i][j] = 0.0;
}

void add_products(uint i, real4 qx, real4 kx[MK])
{
    UNROLL(j, MK)
        s[i][j] += qx.x * kx[j].x + qx.y * kx[j].y + qx.z * kx[j].z + qx.w * kx[j].w;
}

void take_products()
{
}

void clear_values()
{
}

#define VALUES o

void take_values()
{
}
#endif

// Adds the rows' weights of a key times four of this work-item's columns of v. A hidden key's value
// must not even meet a zero.
void add_values(uint c, real px[MQ], real4 vx, bool is_whole)
{
    UNROLL(i, MQ)
        VALUES[i][c] += px[i] * (is_whole || px[i] != 0.0 ? vx : real4(0.0));
}
