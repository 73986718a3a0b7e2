"""A sweep as one schedule: all jobs' requests are asked together, then the jobs are analysed.

In come the jobs that Hydra lists; out go their runs. Jobs run in worker processes. One that lacks
answers stops and says which; when all jobs have run or stopped, what they lack is asked once,
endpoint beside endpoint, and those that stopped run again with the answers. So a job whose
answers are all there is analysed at once, and nothing is asked twice, whatever the jobs share.
Everything that touches Hydra's insides is in `launcher`, `composer`, `composed` and `plugin`.
"""
