"""Seconds a call of the embedded model, with and without reuse, and whether the answers agree."""

import asyncio
import random
import time
from collections.abc import Sequence

from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from distexp.model.llamacpp import LlamaCppModel
from distexp.request import Prompt, Response

N_QUESTIONS = 3


def survey_prompts() -> list[Prompt]:
    """Return the prompts of the first questions of the main experiment, one order of options."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        overrides = ["prompt=[sociodemographic]", "elicitation.option_orders=[natural]"]
        config = compose("config", overrides=overrides)
    experiment = instantiate(config, _convert_="all")
    (style,) = experiment.prompt.values()
    cases = experiment.dataset.load().cases
    questions = list(dict.fromkeys(case.question.question_id for case in cases))[:N_QUESTIONS]
    return [
        prompt
        for case in cases
        if case.question.question_id in questions
        for prompt in experiment.elicitation.prompts(case.question, case.group, style)
    ]


async def ask(prompts: Sequence[Prompt], *, cache_prompt: bool) -> tuple[list[Response], float]:
    """Ask a fresh server; return the responses and the seconds a call, without its start."""
    model = LlamaCppModel(name="smollm2", cache_prompt=cache_prompt)
    try:
        await model.complete(model.request(prompts[-1]))
        start = time.perf_counter()
        responses = [await model.complete(model.request(prompt)) for prompt in prompts]
        return responses, (time.perf_counter() - start) / len(prompts)
    finally:
        await model.close()


def main() -> None:
    """Print one line for each way of asking."""
    prompts = survey_prompts()
    shuffled = random.Random(0).sample(range(len(prompts)), k=len(prompts))
    expected, seconds = asyncio.run(ask(prompts, cache_prompt=False))
    n_tokens = [response.usage.prompt_tokens for response in expected if response.usage]
    print(f"{len(prompts)} log-probability calls, {sum(n_tokens) / len(prompts):.0f} tokens each")
    print(f"without reuse       {seconds:.3f} s a call")
    for label, order in (("in order", list(range(len(prompts)))), ("shuffled", shuffled)):
        responses, seconds = asyncio.run(ask([prompts[i] for i in order], cache_prompt=True))
        n_equal = sum(
            response.top_logprobs == expected[i].top_logprobs
            for i, response in zip(order, responses, strict=True)
        )
        print(
            f"with reuse {label} {seconds:.3f} s a call, {n_equal} of {len(order)} bit-identical"
        )


if __name__ == "__main__":
    main()
