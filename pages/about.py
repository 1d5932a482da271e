"""About: the theory on one page, sources, how to cite."""

import streamlit as st

from pages.shared.widgets import notice

st.title("About")
notice("attention without the softmax is linear in its parameters, so the best layer is a least-squares solution.")

st.markdown(
    r"""
#### The idea
Tokens are the columns of a matrix $Z \in \mathbb{R}^{d \times n}$; the last one, $z$, is the query. A layer of
linear attention with heads $(V_h, Q_h)$ answers

$$y = \sum_h V_h\, Z Z^\top Q_h\, z = \sum_h V_h\, C\, Q_h\, z, \qquad C = Z Z^\top .$$

In coordinates, $y_a = \sum_{jkl} W_{ajkl}\, C_{jk}\, z_l$ with $W = \sum_h V_h \otimes Q_h$: the answer is
**linear** in $W$. Learning is therefore one least-squares problem in the features $\varphi(Z) = \mathrm{svec}(C)
\otimes z$, solved exactly in polynomial time. Its optimum is at least as good as any number of heads can be, and
$W$ is turned back into heads by a singular value decomposition.

#### The certificate
Let $\Lambda = \sum_i \varphi(Z_i)\varphi(Z_i)^\top$. If its smallest eigenvalue is positive, every transformer that
fits the traces best computes the same function on all inputs. With one-hot tokens that never happens, so we ask a
finer question: does the range of $\Lambda$ contain $\varphi(Z)$ for every *legal* input $Z$? Then all best
transformers agree on every legal input, words of any length included. Where it does not, adding $v u^\top$ with $u
= (I - \Pi)\,\varphi(Z)$ to the solution gives a **twin**: the same training error, another answer.

#### The light
**Green**: proved for every legal input, and fit, rounding and fresh inputs bear it out; the level says how, as a
*theorem* in exact integers or *numerical*ly, with a stated gap. **Blue**: one best fit, but noise, a ridge or data that
no layer fits exactly stand between it and a proof: look at the margin. **Amber**: something is open, and a twin whose
error was computed is shown. **Red**: determined, and different from the true machine: a counterexample is shown.
**Grey**: none of these can be told at this precision.

#### What is from the paper, and what is ours
From the paper: linear attention as a linear predictor in cubic features, polynomial-time learning, the global
certificate, heads by singular values, the tasks. Ours: the kernel form, the solution in independent blocks, the
certificates at one input and for a family of inputs, twins, the next best trace, and the encodings of automata used
here. The learned heads are not the teacher's heads: only functions can be compared.

#### How to cite
"""
)
st.code(
    """@inproceedings{yau2025learning,
  title     = {Learning Linear Attention in Polynomial Time},
  author    = {Yau, Morris and Aky\\"urek, Ekin and Mao, Jiayuan and Tenenbaum, Joshua B.
               and Jegelka, Stefanie and Andreas, Jacob},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2025},
  note      = {arXiv:2410.10101}
}""",
    language="latex",
)
st.markdown(
    "The paper is [arXiv:2410.10101](https://arxiv.org/abs/2410.10101). linattn is free software (MIT licence)."
)
