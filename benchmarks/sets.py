"""Every photo set beside the checkout: is it reconstructed, from how many photos, at what cost?

Sets whose name begins with "unrelated" must be refused instead.
"""

import argparse
import dataclasses
import shutil
import sys

import harness

REFUSED = {4, 6}  # UnusablePhotos, NoOverlap


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", help="names of sets (default: all)")
    parser.add_argument("--preset", default="standard")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from earlier results (costs are then only of what is left)",
    )
    options = parser.parse_args()
    data = harness.need(harness.SHARED / "data")
    names = options.sets or sorted(folder.name for folder in data.iterdir() if folder.is_dir())
    rows, records, good = [], [], True
    for name in names:
        out = harness.BUILD / f"{name}-{options.preset}"
        if not options.resume:
            shutil.rmtree(out, ignore_errors=True)
        print(f"{name} ...", file=sys.stderr, flush=True)
        run = harness.oberih(harness.need(harness.photos_of(name)), out, "--preset", options.preset)
        record = {"set": name, **dataclasses.asdict(run)}
        said = record.pop("said").strip().splitlines()
        costs = (f"{run.cpu_s:.0f}", f"{run.wall_s:.0f}", f"{run.peak_gib:.2f}")
        if run.code == 0:
            told = harness.report(out)
            used, given = sum(photo["used"] for photo in told["photos"]), len(told["photos"])
            surface, fidelity = told["surface"], told["fidelity"]
            rms, likeness = told["poses"]["reprojection_rms"]["value"], "unknown"
            if fidelity:
                likeness = f"{fidelity['psnr']['value']:.1f} / {fidelity['ssim']['value']:.3f}"
            shape = f"{used} of {given}", f"{rms:.2f}", f"{surface['triangles']:,}", likeness
            rows.append((name, *shape, *costs))
            record |= {"used": used, "given": given, "triangles": surface["triangles"], "fidelity": fidelity}
            good &= used == given and not name.startswith("unrelated")
        else:
            told_why = next((line for line in reversed(said) if not line.startswith("What to do")), "")
            rows.append((name, f"refused, code {run.code}", "", "", told_why, *costs))
            record["said"] = said[-2:]
            good &= name.startswith("unrelated") and run.code in REFUSED
        records.append(record)
    head = ("set", "photos", "RMS px", "triangles", "PSNR dB / SSIM", "CPU-s", "clock s", "GiB")
    text = f"# All sets, `{options.preset}`\n\n{harness.machine()}.\n\n{harness.table(head, rows)}"
    suffix = "" if not options.sets else "-some"
    harness.keep(f"sets-{options.preset}{suffix}", {"machine": harness.machine(), "sets": records}, text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
