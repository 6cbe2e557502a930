// SPDX-License-Identifier: MIT
// From the product scale * q.k to the score that softmax sees:
//
//   raw     s = s + scale * q.r             r: the relative key embedding of the distance
//   capped  s = c tanh(s / c)               when c > 0
//   masked  s = s + mask - slope |distance|, and -inf where the key is hidden: by the length,
//           causality, window or mask
//
// Hidden is a choice, never arithmetic, so NaN and infinities of hidden keys stay where they are.
#include "exp.glsl"

// The raw score: with what relative key embeddings add.
float related(float score, uint head, uint query, int k_pos)
{
#if EXTRAS & EXTRA_RELATIVE
    int distance = k_pos - (own_start + int(query));
    return score + relative[batch * a.extras.relative_stride[0] +
                            head * a.extras.relative_stride[1] +
                            q_token(query) * a.extras.relative_stride[2] +
                            gyre_relative_of(a.extras.n_relative, distance)];
#else
    return score;
#endif
}

float capped(float score)
{
    return a.softcap > 0.0 ? a.softcap * tanh_exact(score / a.softcap) : score;
}

// The score with ALiBi's penalty.
float biased(float score, uint head, uint query, int k_pos)
{
#if EXTRAS & EXTRA_ALIBI
    float distance = float(abs(own_start + int(query) - k_pos));
    return score - slopes[a.extras.slopes - 1u + head] * distance;
#else
    return score;
#endif
}

// The masked score of a key, whose row of the mask begins at element mask_begin.
float masked(float score, keys seen, uint key, int k_pos, uint mask_begin)
{
    if (!is_seen(seen, key, k_pos))
        return NEG_INF;
#if MASK_DTYPE == DTYPE_NONE
    return score;
#elif MASK_DTYPE == DTYPE_BITS
    return LOAD_BIT(mask, mask_begin, key) != 0u ? score : NEG_INF;
#elif MASK_DTYPE == DTYPE_U8
    return LOAD(MASK_DTYPE, mask, mask_begin + key) != 0.0 ? score : NEG_INF;
#else
    float added = LOAD(MASK_DTYPE, mask, mask_begin + key);
    return is_neg_inf(added) ? NEG_INF : score + added;
#endif
}
