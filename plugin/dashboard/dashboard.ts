/** `kubectl canary dashboard`: a page about all Canaries, served to this machine until Ctrl-C. */
import { requireNamespace } from "../cluster/find-canary.ts";
import type { Session } from "../cluster/session.ts";
import { exitCode } from "../context.ts";
import { Feed } from "./feed.ts";
import { type PageAssets, pageAssets } from "./page-assets.ts";
import { Recorder } from "./recorder.ts";
import { serve } from "./server.ts";

export interface DashboardArgs {
  allNamespaces: boolean;
  selector?: string | undefined;
  /** 0: any that is free. */
  port: number;
  allowActions: boolean;
  /** Default: those of the build. */
  assets?: PageAssets;
}

export async function dashboard(args: DashboardArgs, session: Session): Promise<number> {
  const { deps, scope } = session;
  if (!args.allNamespaces) await requireNamespace(deps.cluster, scope.namespace);
  const assets = args.assets ?? pageAssets();
  const recorder = new Recorder();
  const feed = new Feed(deps, scope, recorder);
  const { allowActions } = args;
  const where = args.allNamespaces ? "all namespaces" : `namespace ${scope.namespace}`;
  const setup = { where, allowActions };
  const selection = {
    ...(args.allNamespaces ? {} : { namespace: scope.namespace }),
    ...(args.selector ? { labelSelector: args.selector } : {}),
  };
  let close = (): Promise<void> => Promise.resolve();
  try {
    await feed.run(selection, async () => {
      const listening = await serve({ session, assets, feed, recorder, setup }, args.port);
      close = listening.close;
      deps.stdout.write(`${listening.address}\n`);
      deps.stderr.write(`${said(args, where)}\n`);
    });
  } finally {
    await close();
  }
  return exitCode.interrupted;
}

// --- internal ---

function said({ allowActions }: DashboardArgs, where: string): string {
  const steering = allowActions
    ? "The page can steer, with your rights."
    : "The page is read-only; --allow-actions lets it steer.";
  return `Canaries of ${where}. ${steering} The address works once, in one browser. Ctrl-C ends it.`;
}
